import { expect, test } from "../support/test.ts";

test.use({ role: "ADMIN" });
const reason = "Latency is back to normal since 14:02";

test("an incident's life: opened, mitigated, closed, reopened, each step in the timeline and in the trail", async ({ page }) => {
  const title = `Payouts are late ${Date.now()}`;
  await page.goto("/incidents");
  await page.getByRole("link", { name: /^(Open|New|Report) (an )?incident/ }).first().click();
  const dialog = page.locator("dialog[open]");
  await dialog.getByLabel("Title").fill(title);
  await dialog.getByRole("button", { name: /incident/i }).click();
  await expect(dialog).toBeHidden();
  await page.goto("/incidents");
  await page.getByRole("link", { name: title }).first().click();
  await expect(page).toHaveURL(/\/incidents\/INC-\d+/);
  const status = (word: string) => expect(page.locator("main")).toContainText(word);
  await status("OPEN");
  for (const [verb, word] of [["Mitigate", "MITIGATED"], ["Close", "CLOSED"], ["Reopen", "OPEN"]] as const) {
    await page.locator("main").getByRole("link", { name: new RegExp(`^(Mark )?${verb}`, "i") }).first().click();
    await page.locator("dialog[open]").getByLabel("Reason").fill(`${verb}: ${reason}`);
    await page.locator("dialog[open] button[type=submit]").click();
    await expect(page.locator("dialog[open]")).toBeHidden();
    await status(word);
    await expect(page.locator("main")).toContainText(`${verb}: ${reason}`);
  }
  const reference = page.url().match(/INC-\d+/)![0];
  const trail = await (await page.request.get(`/api/admin/ops/incidents/${reference}`)).json();
  expect(JSON.stringify(trail)).toContain("OPEN");
});

test("a reason that is too short is refused in place, and what was typed stays", async ({ page }) => {
  await page.goto("/incidents/INC-1");
  await page.locator("main").getByRole("link", { name: /^(Mark )?mitigate/i }).first().click();
  const dialog = page.locator("dialog[open]");
  await dialog.getByLabel("Reason").fill("short");
  await dialog.locator("button[type=submit]").click();
  await expect(dialog.getByRole("alert")).toBeVisible();
  await expect(dialog.getByLabel("Reason")).toHaveValue("short");
  await expect(dialog.getByLabel("Reason")).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(page.locator("main")).toContainText("OPEN");
});

test("after a lost connection the dialog says so, keeps the reason, and a second try does the thing once", async ({ page, tolerated }) => {
  tolerated.push(/ERR_FAILED|htmx:(sendError|afterRequest)/);
  const made = await page.request.post("/api/admin/ops/incidents", { data: { title: `Lost connection ${Date.now()}`, severity: "SEV3" } });
  const reference = JSON.stringify(await made.json()).match(/INC-\d+/)![0];
  await page.goto(`/incidents/${reference}`);
  await page.locator("main").getByRole("link", { name: /^(Mark )?mitigate/i }).first().click();
  const dialog = page.locator("dialog[open]");
  await dialog.getByLabel("Reason").fill(reason);
  // The request arrives and is carried out; its answer is lost.
  await page.route("**/mitigate", async (route) => {
    await route.fetch();
    await route.abort();
  }, { times: 1 });
  await dialog.locator("button[type=submit]").click();
  await expect(dialog.getByRole("alert").first()).toBeVisible();
  await expect(dialog.getByLabel("Reason")).toHaveValue(reason);
  await dialog.locator("button[type=submit]").click();
  await expect(dialog).toBeHidden();
  await expect(page.locator("main")).toContainText("MITIGATED");
});

test("what a person writes is text, never markup", async ({ page }) => {
  const title = `<img src=x onerror=alert(1)> ${Date.now()}`;
  const made = await page.request.post("/api/admin/ops/incidents", { data: { title, severity: "SEV4", summary: "<script>alert(2)</script>" } });
  const reference = JSON.stringify(await made.json()).match(/INC-\d+/)![0];
  await page.goto(`/incidents/${reference}`);
  await expect(page.getByRole("heading", { level: 1 })).toContainText("<img src=x");
});
