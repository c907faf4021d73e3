import { expect, test } from "../support/test.ts";

test("the navigation holds views that answer, and no others", async ({ page, request }) => {
  await page.goto("/");
  const hrefs = await page.getByRole("navigation", { name: "Main" }).getByRole("link").evaluateAll((all) => all.map((a) => a.getAttribute("href") ?? ""));
  expect(hrefs.length).toBeGreaterThan(2);
  for (const href of hrefs) expect((await request.get(href, { headers: { Accept: "text/html" } })).status(), href).toBe(200);
});

test("by keyboard alone: skip link, navigation, palette", async ({ page }) => {
  await page.goto("/");
  await page.keyboard.press("Tab");
  await expect(page.locator(":focus")).toHaveAttribute("href", "#main");
  await page.keyboard.press("Enter");
  await expect(page.locator("#main")).toBeFocused();
  await page.keyboard.press("Control+k");
  const search = page.getByRole("combobox");
  await expect(search).toBeFocused();
  await search.fill("audit");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/audit/);
  await page.keyboard.press("g");
  await page.keyboard.press("h");
  await expect(page).toHaveURL(/\/health/);
});

test("every control can be reached with Tab and shows its focus", async ({ page }) => {
  await page.goto("/incidents");
  const seen = new Set<string>();
  for (let step = 0; step < 150; step += 1) {
    await page.keyboard.press("Tab");
    const at = await page.evaluate(() => {
      const element = document.activeElement;
      if (!element || element === document.body) return undefined;
      const style = getComputedStyle(element);
      const all = [...document.querySelectorAll("a,button,input,select,textarea,summary")];
      return { key: String(all.indexOf(element)), ring: style.outlineStyle !== "none" || style.boxShadow !== "none", name: element.outerHTML.slice(0, 120) };
    });
    if (!at || seen.has(at.key)) break;
    seen.add(at.key);
    expect.soft(at.ring, `a focus ring on ${at.name}`).toBe(true);
  }
  const reachable = await page.locator("main :is(a[href],button,input,select,textarea):visible:not([tabindex='-1']):enabled").count();
  expect(seen.size).toBeGreaterThanOrEqual(reachable);
});

test("the theme is chosen, kept, and follows the system again", async ({ page }) => {
  await page.goto("/");
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await ground();
  await page.getByRole("button", { name: /^Account/ }).click();
  await page.getByRole("button", { name: "Dark" }).click();
  await expect.poll(ground).not.toBe(light);
  await page.reload();
  await expect.poll(ground).not.toBe(light);
});

test("an address that does not exist says so and leads on", async ({ page }) => {
  const answer = await page.request.get("/nowhere", { headers: { Accept: "text/html" } });
  expect(answer.status()).toBe(404);
  expect(await answer.text()).toContain('href="/');
});

test.describe("a telephone", () => {
  test.use({ viewport: { width: 390, height: 844 } });

  test("the navigation opens by its button and closes by Escape", async ({ page }) => {
    await page.goto("/");
    const nav = page.getByRole("navigation", { name: "Main" });
    await expect(nav).not.toBeInViewport();
    await page.getByRole("button", { name: "Navigation", exact: true }).click();
    await expect(nav).toBeInViewport();
    await page.keyboard.press("Escape");
    await expect(nav).not.toBeInViewport();
  });
});

test.describe("what a role sees", () => {
  test.describe("AUDITOR", () => {
    test.use({ role: "AUDITOR" });
    test("the audit trail and nothing else", async ({ page, request }) => {
      await page.goto("/");
      await expect(page).toHaveURL(/\/audit/);
      expect((await request.get("/incidents", { headers: { Accept: "text/html" } })).status()).toBe(403);
    });
  });

  test.describe("STAFF_ADMIN", () => {
    test.use({ role: "STAFF_ADMIN" });
    test("everything, and no button that changes something", async ({ page }) => {
      await page.goto("/incidents");
      await expect(page.locator("main a[data-dialog]")).toHaveCount(0);
      await expect(page.locator("main form[method=post]")).toHaveCount(0);
    });
  });
});
