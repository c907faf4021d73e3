import { expect, test } from "../support/test.ts";

test("the trail is listed, filtered, opened and verified", async ({ page }) => {
  await page.goto("/audit?event=INCIDENT_CREATED");
  await expect(page.locator("main")).toContainText("Incident created");
  await page.locator("main a[href^='/audit/']").first().click();
  await expect(page).toHaveURL(/\/audit\/\d+/);
  await expect(page.locator("main")).toContainText(/[0-9a-f]{12}/);
  await page.goto("/audit");
  await page.locator("main").getByRole("button", { name: /Verify/ }).or(page.locator("main").getByRole("link", { name: /Verify/ })).first().click();
  await expect(page.locator("body")).toContainText(/intact/i);
});

test("a filter stands in the address and survives a reload", async ({ page }) => {
  await page.goto("/audit?scope=USER");
  await page.reload();
  await expect(page).toHaveURL(/scope=USER/);
  await expect(page.locator("main")).not.toContainText("Incident created");
});

test("an entry that does not exist is a 404 that says so", async ({ request }) => {
  expect((await request.get("/audit/999999999", { headers: { Accept: "text/html" } })).status()).toBe(404);
});
