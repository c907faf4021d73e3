import type { APIRequestContext } from "@playwright/test";
import { expect, test } from "../support/test.ts";

test.use({ role: "ADMIN" });

const tell = async (request: APIRequestContext, data: object) => {
  const answer = await request.post("/api/admin/ops/deployments", { data });
  expect(answer.ok(), await answer.text()).toBeTruthy();
  return answer.json();
};
const sha = () => Math.random().toString(16).slice(2, 10).padEnd(8, "0");

test("a deploy that CI tells of appears on the open page without a reload, and has a page of its own", async ({ page }) => {
  await page.goto("/deploys");
  const build = sha();
  await page.evaluate(() => Object.assign(window, { still: true }));
  const deploy = await tell(page.request, { service: "e2e-live", sha: build, status: "live", branch: "main", author: "Jo Web", message: "One-page checkout" });
  const history = page.locator("#deploy-history");
  await expect(history).toContainText(build.slice(0, 7));
  await expect(page.locator("#now-running")).toContainText(build.slice(0, 7));
  expect(await page.evaluate(() => "still" in window), "the page was not loaded again").toBeTruthy();
  await history.getByRole("link", { name: build.slice(0, 7) }).click();
  await expect(page).toHaveURL(new RegExp(`/deployments/${deploy.id}`));
  await expect(page.getByRole("heading", { level: 1 })).toContainText("One-page checkout");
  await expect(page.locator("main")).toContainText("Jo Web");
});

test("filters live in the address, and a narrow screen needs no sideways scroll", async ({ page }) => {
  const build = sha();
  await tell(page.request, { service: "e2e-filter", sha: build, status: "failed", error: "Health check" });
  for (const width of [1440, 390]) {
    await page.setViewportSize({ width, height: 900 });
    for (const place of ["/deploys", "/deployments?status=failed&service=e2e-filter", "/deployments/metrics", "/deployments/current", "/instances", "/environment", "/environment/diff"]) {
      await page.goto(place);
      const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      expect(over, `${place} at ${width}`).toBeLessThanOrEqual(0);
    }
    await page.goto("/deployments");
    await page.locator("#q-status").selectOption("failed");
    await page.locator("#q-service").selectOption("e2e-filter");
    await expect(page).toHaveURL(/status=failed/);
    await expect(page).toHaveURL(/service=e2e-filter/);
    await expect(page.locator("#deploy-list")).toContainText(build.slice(0, 7));
  }
});

test("a running deploy is ended by hand, and the trail says by whom", async ({ page }) => {
  const build = sha();
  const deploy = await tell(page.request, { service: "e2e-hand", sha: build });
  await page.goto(`/deployments/${deploy.id}`);
  await expect(page.locator("main")).toContainText("IN PROGRESS");
  await page.getByRole("button", { name: "It is live" }).click();
  await expect(page.locator("#deploy-head")).toContainText("LIVE");
  await page.getByRole("link", { name: "Its audit events" }).click();
  await expect(page.locator("main")).toContainText("Ops deploy recorded");
});
