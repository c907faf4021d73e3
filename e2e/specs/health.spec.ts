import { expect, test } from "../support/test.ts";

const cards = ["API", "Queues", "Database", "Cache", "Email", "Incidents"];

test("six cards, each with a state in words, its source and its age", async ({ page }) => {
  await page.goto("/health");
  for (const card of cards) {
    const found = page.locator("main").getByRole("link", { name: new RegExp(card) }).or(page.locator("main section, main article, main li, main a").filter({ hasText: card })).first();
    await expect(found, card).toBeVisible();
    await expect(found, card).toContainText(/OK|WARN|CRIT|UNKNOWN|STALE|Healthy|Operational|None open/i);
  }
});

test("what is not connected reads UNKNOWN with its reason, never a zero", async ({ request }) => {
  const health = await (await request.get("/api/admin/ops/health")).json();
  const text = JSON.stringify(health);
  expect(text).toContain("UNKNOWN");
  for (const name of ["cache", "email"]) {
    const card = health[name] ?? health.cards?.[name] ?? Object.values<any>(health.cards ?? health).find((c) => String(c?.name ?? c?.key ?? "").toLowerCase() === name);
    expect(card, name).toBeTruthy();
    expect(JSON.stringify(card), name).toMatch(/UNKNOWN/);
  }
});

test("figures are renewed by the event stream without a reload", async ({ page }) => {
  test.setTimeout(60_000);
  await page.goto("/health");
  const main = page.locator("main");
  const before = await main.innerText();
  await page.evaluate(() => ((window as any).stillHere = true));
  await expect.poll(() => main.innerText(), { timeout: 40_000 }).not.toBe(before);
  expect(await page.evaluate(() => (window as any).stillHere)).toBe(true);
});
