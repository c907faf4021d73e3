// Feature flags by hand: found, turned on with a reason, killed by one key, explained; the same without scripts and on a telephone.
import { password, people } from "../support/people.ts";
import { expect, test } from "../support/test.ts";

const reason = "Checked on staging, the team is around";

/** A flag of this test's own, so that tests can run at the same time. */
async function made(request: import("@playwright/test").APIRequestContext, baseURL: string, more: object = {}): Promise<string> {
  const key = `e2e.flag_${Date.now().toString(36)}${Math.floor(Math.random() * 1e6).toString(36)}`;
  const data = { key, scope: "VENDOR", notes: "Made by a browser test", reason: "Set up for the browser tests", ...more };
  const answer = await request.post("/api/admin/ops/feature-flags", { data, headers: { Origin: baseURL } });
  expect(answer.status(), await answer.text()).toBe(201);
  return key;
}

test.describe("an administrator", () => {
  test.use({ role: "ADMIN" });

  test("turns a flag on with a reason: the row says On, the trail has it, and the toast takes it back", async ({ page, request, baseURL }) => {
    const key = await made(request, baseURL!);
    await page.goto(`/deploys?q=${key}`);
    const row = page.locator("tr", { hasText: key });
    await expect(row.getByRole("switch")).toHaveAttribute("aria-checked", "false");
    await row.getByRole("switch").click();
    const dialog = page.locator("dialog[open]");
    await expect(dialog).toContainText(`Turn ${key} on`);
    await dialog.getByLabel("Reason").fill("too short");
    await dialog.locator("button[type=submit]").click();
    await expect(dialog.getByLabel("Reason")).toHaveValue("too short");
    await dialog.getByLabel("Reason").fill(reason);
    await dialog.locator("button[type=submit]").click();
    await expect(dialog).toBeHidden();
    await expect(row.getByRole("switch")).toHaveAttribute("aria-checked", "true");
    await expect(page).toHaveURL(new RegExp(`/deploys\\?q=${key}`));
    const toast = page.locator(".toast", { hasText: key });
    const event = await toast.getByRole("link", { name: /^event \d+/ }).getAttribute("href");
    const entry = await (await request.get(`/api/admin/ops${event}`)).json();
    expect(entry).toMatchObject({ event: "CONFIG_FEATURE_FLAG_TOGGLED", target_id: key, reason });
    await toast.getByRole("link", { name: "Undo" }).click();
    await expect(page.locator("dialog[open]")).toContainText(`Turn ${key} off`);
    await page.locator("dialog[open]").getByLabel("Reason").fill(reason);
    await page.locator("dialog[open] button[type=submit]").click();
    await expect(row.getByRole("switch")).toHaveAttribute("aria-checked", "false");
  });

  test("kills a flag by one key, and only with Shift", async ({ page, request, baseURL }) => {
    const key = await made(request, baseURL!, { enabled: true, rolloutPercentage: 100 });
    await page.goto(`/flags?q=${key}`);
    const row = page.locator("tr", { hasText: key });
    await row.getByRole("link", { name: key, exact: true }).focus();
    await page.keyboard.press("k");
    await expect(row.getByRole("switch")).toHaveAttribute("aria-checked", "true");
    await row.getByRole("link", { name: key, exact: true }).focus();
    await page.keyboard.press("Shift+K");
    await expect(row.getByRole("switch")).toHaveAttribute("aria-checked", "false");
    await expect(page.locator(".toast", { hasText: `${key} is off for everybody` }).getByRole("link", { name: "Undo" })).toBeVisible();
    const flag = await (await request.get(`/api/admin/ops/feature-flags/${key}`)).json();
    expect(flag.enabled).toBe(false);
  });

  test("moves the slider: the dialog says who gains, and Cancel moves it back", async ({ page, request, baseURL }) => {
    const key = await made(request, baseURL!, { enabled: true, rolloutPercentage: 5 });
    await page.goto(`/flags?q=${key}`);
    const slider = page.getByRole("slider", { name: new RegExp(key.replaceAll(".", "\\.")) });
    await slider.fill("25");
    const dialog = page.locator("dialog[open]");
    await expect(dialog).toContainText("5 % → 25 %: 20 % more of vendors see it; nobody loses it.");
    await dialog.getByRole("link", { name: "Cancel" }).click();
    await expect(dialog).toBeHidden();
    await expect(slider).toHaveValue("5");
    await slider.fill("25");
    await dialog.getByLabel("Reason").fill(reason);
    await dialog.locator("button[type=submit]").click();
    await expect(dialog).toBeHidden();
    await expect(slider).toHaveValue("25");
    await expect(page.locator("tr", { hasText: key })).toContainText("was 5 %");
  });

  test("is told when somebody else was quicker, and keeps what was typed", async ({ page, request, baseURL }) => {
    const key = await made(request, baseURL!);
    await page.goto(`/flags/${key}/edit`);
    await page.getByLabel("Notes").fill("Mine");
    const other = await request.patch(`/api/admin/ops/feature-flags/${key}`, { data: { tags: ["theirs"], reason }, headers: { Origin: baseURL! } });
    expect(other.status(), await other.text()).toBe(200);
    await page.getByLabel("Reason").fill(reason);
    await page.getByRole("button", { name: "Save the changes" }).click();
    await expect(page.getByRole("alert")).toContainText("changed since you loaded it");
    await expect(page.getByLabel("Notes")).toHaveValue("Mine");
    await expect(page.getByLabel("Tags")).toHaveValue("theirs");
    await page.getByRole("button", { name: "Save the changes" }).click();
    await expect(page).toHaveURL(new RegExp(`/flags/${key}$`));
    const flag = await (await request.get(`/api/admin/ops/feature-flags/${key}`)).json();
    expect(flag).toMatchObject({ notes: "Mine", tags: ["theirs"] });
  });

  test("puts a rule together and sees why somebody gets it", async ({ page, request, baseURL }) => {
    const key = await made(request, baseURL!, { enabled: true, scope: "GLOBAL" });
    await page.goto(`/flags/${key}/edit`);
    await page.getByLabel("Attribute").fill("country");
    await page.getByLabel("Comparison").selectOption("in");
    await page.getByLabel("Value, or values with commas").fill("DE, AT");
    await page.getByLabel("Gets the variant").fill("on");
    await page.getByRole("button", { name: "Add this rule" }).click();
    await expect(page.getByLabel(/^Rules/)).toHaveValue("country in DE, AT -> on");
    await page.getByLabel("Reason").fill(reason);
    await page.getByRole("button", { name: "Save the changes" }).click();
    await expect(page).toHaveURL(new RegExp(`/flags/${key}$`));
    await page.locator("main").getByRole("link", { name: "Explain" }).click();
    const drawer = page.locator("dialog.drawer");
    await drawer.getByLabel("Person (targetingKey)").fill("user-1");
    await drawer.getByLabel(/^Other attributes/).fill('{"country": "DE"}');
    await drawer.getByRole("button", { name: "Explain" }).click();
    await expect(drawer.locator("ol.explain")).toContainText("MATCH");
    await expect(drawer).toContainText("user-1 gets on (true)");
    await drawer.getByLabel(/^Other attributes/).fill("not JSON");
    await drawer.getByRole("button", { name: "Explain" }).click();
    await expect(drawer.getByRole("alert")).toContainText("JSON object");
  });

  test("starts a ramp, pauses it, and plans a change", async ({ page, request, baseURL }) => {
    const key = await made(request, baseURL!);
    await page.goto(`/flags/${key}`);
    const dialog = page.locator("dialog[open]");
    await page.getByRole("link", { name: "Start a ramp…" }).click();
    await dialog.getByLabel("Reason").fill(reason);
    await dialog.locator("button[type=submit]").click();
    await expect(dialog).toBeHidden();
    await expect(page.locator("#flag-facts")).toContainText("5 % at");
    await page.getByRole("button", { name: "Pause" }).click();
    await expect(page.locator("#flag-facts")).toContainText("paused before 5 %");
    await page.getByRole("link", { name: "Plan a change…" }).click();
    await dialog.getByLabel("When (UTC)").fill(new Date(Date.now() + 86_400_000).toISOString().slice(0, 16));
    await dialog.getByLabel("State").selectOption("false");
    await dialog.getByLabel("Reason").fill(reason);
    await dialog.locator("button[type=submit]").click();
    await expect(dialog).toBeHidden();
    await expect(page.locator("#flag-facts")).toContainText("turn off at");
  });
});

test.describe("a reader", () => {
  test.use({ role: "STAFF_ADMIN" });

  test("sees every flag and nothing that changes one", async ({ page }) => {
    for (const path of ["/deploys", "/flags"]) {
      await page.goto(path);
      await expect(page.locator("#flags form[method=post]")).toHaveCount(0);
      await expect(page.locator("#flags form[data-dialog]")).toHaveCount(0);
      await expect(page.locator("#flags [data-kill]")).toHaveCount(0);
      for (const one of await page.locator("#flags").getByRole("switch").all()) await expect(one).toBeDisabled();
    }
  });
});

test.describe("without scripts", () => {
  test.use({ role: "nobody", javaScriptEnabled: false });

  test("a flag is found, turned on and off by forms alone", async ({ page, playwright, baseURL }) => {
    const admin = people.find((person) => person.role === "ADMIN")!;
    const api = await playwright.request.newContext({ baseURL: baseURL!, extraHTTPHeaders: { Origin: baseURL! } });
    await api.post("/login", { form: { email: admin.email, password }, maxRedirects: 0 });
    const key = await made(api, baseURL!);
    await api.dispose();
    await page.goto(`/flags?q=${key}`);
    await page.getByLabel("Email").fill(admin.email);
    await page.getByLabel("Password").fill(password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("switch", { name: key }).click();
    await page.getByLabel("Reason").fill(reason);
    await page.locator("main form button[type=submit]").click();
    await expect(page).toHaveURL(new RegExp(`/flags/${key}$`));
    await expect(page.locator("main")).toContainText("ON");
    await page.getByRole("button", { name: "Turn off for everybody" }).click();
    await expect(page).toHaveURL(new RegExp(`/flags/${key}$`));
    await expect(page.locator("main")).toContainText("OFF");
    await expect(page.locator("body")).toContainText(`${key} is off for everybody`);
  });
});

test.describe("a telephone", () => {
  test.use({ viewport: { width: 390, height: 844 } });

  test("nothing scrolls sideways, and the switch is there", async ({ page, request, baseURL }) => {
    const key = await made(request, baseURL!, { notes: "A note that is long enough to need more than one line on a telephone of this width" });
    for (const path of ["/deploys", "/flags", `/flags/${key}`, `/flags/${key}/edit`, `/flags/${key}/explain?targetingKey=user-1`, `/flags/${key}/revisions`]) {
      await page.goto(path);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      expect(wide, path).toBeLessThanOrEqual(0);
    }
    await page.goto(`/flags?q=${key}`);
    await expect(page.getByRole("switch", { name: key })).toBeInViewport();
  });
});
