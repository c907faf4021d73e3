import { expect, test } from "../support/test.ts";

test("the configuration is shown with its secrets masked", async ({ page }) => {
  await page.goto("/settings/configuration");
  await expect(page.locator("main")).toContainText("QD_SERVER__LISTEN");
  await expect(page.locator("main")).not.toContainText(/:\/\/[^:@\s]+:[^@*•\s]+@/);
});

test("users are listed with their roles", async ({ page }) => {
  await page.goto("/settings/users");
  await expect(page.locator("main")).toContainText("Ada Admin");
  await expect(page.locator("main")).toContainText("STAFF_ADMIN");
});

test("own sessions are listed, this one is marked", async ({ page }) => {
  await page.goto("/settings");
  await expect(page.locator("main")).toContainText(/this (session|browser|device)/i);
});
