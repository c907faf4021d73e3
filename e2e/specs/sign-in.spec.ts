import { clumsy, password, people } from "../support/people.ts";
import { command } from "../support/product.ts";
import { expect, product, test } from "../support/test.ts";

test.use({ role: "nobody" });
const admin = people.find((person) => person.role === "ADMIN")!;

test("a page asks for sign-in and comes back to where one wanted to go", async ({ page }) => {
  await page.goto("/incidents?status=OPEN");
  await expect(page).toHaveURL(/\/login\?next=/);
  await page.getByLabel("Email").fill(admin.email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page).toHaveURL(/\/incidents\?status=OPEN$/);
});

test("a wrong password says so, keeps the email, and pauses after the last try", async ({ page }) => {
  await page.goto("/login");
  await page.getByLabel("Email").fill(clumsy.email);
  for (let tries = 0; tries < 5; tries += 1) {
    await page.getByLabel("Password").fill("not the password at all");
    await page.getByRole("button", { name: "Sign in" }).click();
    await expect(page.getByRole("alert")).toContainText("Email or password is wrong");
    await expect(page.getByLabel("Email")).toHaveValue(clumsy.email);
  }
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("alert")).toContainText("paused");
});

test("a one-time link signs in once", async ({ page, browser, baseURL }) => {
  const said = await command(product(), ["admin", "link", "--email", admin.email]);
  const link = said.match(/http\S+\/login\/ticket\?t=\S+/)?.[0];
  expect(link, said).toBeTruthy();
  const path = new URL(link!).pathname + new URL(link!).search;
  await page.goto(path);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("navigation", { name: "Main" })).toBeVisible();
  const other = await browser.newPage({ baseURL });
  await other.goto(path);
  await expect(other.getByRole("alert")).toContainText("does not work any more");
  await other.close();
});

test("signing out ends the session", async ({ page }) => {
  await page.goto("/login");
  await page.getByLabel("Email").fill(admin.email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("button", { name: /^Account/ }).click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page).toHaveURL(/\/login/);
  await page.goto("/incidents");
  await expect(page).toHaveURL(/\/login/);
});
