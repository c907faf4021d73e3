// Everything that hurts works by link and form: a browser without JavaScript signs in and takes an incident through its life.
import { password, people } from "../support/people.ts";
import { expect, test } from "../support/test.ts";

test.use({ role: "nobody", javaScriptEnabled: false });
const admin = people.find((person) => person.role === "ADMIN")!;

test("sign in, open, mitigate, close and reopen an incident without script", async ({ page }) => {
  const title = `Without script ${Date.now()}`;
  await page.goto("/incidents");
  await page.getByLabel("Email").fill(admin.email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page).toHaveURL(/\/incidents$/);

  await page.getByRole("link", { name: /^(Open|New|Report) (an )?incident/ }).first().click();
  await page.getByLabel("Title").fill(title);
  await page.locator("main form button[type=submit]").click();
  await expect(page).toHaveURL(/\/incidents\/INC-\d+/);
  await expect(page.locator("main")).toContainText(title);

  for (const [verb, word] of [["Mitigate", "MITIGATED"], ["Close", "CLOSED"], ["Reopen", "OPEN"]] as const) {
    await page.locator("main").getByRole("link", { name: new RegExp(`^(Mark )?${verb}`, "i") }).first().click();
    // Too short: the page comes back with the error and with what was typed.
    await page.getByLabel("Reason").evaluate((field) => field.removeAttribute("minlength"));
    await page.getByLabel("Reason").fill("short");
    await page.locator("main form button[type=submit]").click();
    await expect(page.getByLabel("Reason")).toHaveValue("short");
    await page.getByLabel("Reason").fill(`${verb} by form alone, nothing else`);
    await page.locator("main form button[type=submit]").click();
    await expect(page).toHaveURL(/\/incidents\/INC-\d+$/);
    await expect(page.locator("main")).toContainText(word);
  }
});
