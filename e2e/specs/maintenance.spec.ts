// Maintenance by hand: refused without the phrase, on with it, obeyed by the gate, told to visitors, off with one press.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { APIRequestContext } from "@playwright/test";
import { expectAccessible, expectNoSidewaysScroll } from "../support/axe.ts";
import { expect, test } from "../support/test.ts";

// One mode is one state: these tests take turns.
test.describe.configure({ mode: "serial" });

const reason = "Postgres is upgraded tonight";
const phrase = "ENABLE MAINTENANCE";
const message = "Back at three <b>sharp</b>";

/** What a proxy would hear about a checkout. */
async function gate(request: APIRequestContext) {
  const answer = await request.get("/gate", { headers: { "X-Forwarded-Method": "POST", "X-Forwarded-Uri": "/checkout" } });
  return { status: answer.status(), mode: answer.headers()["x-maintenance-mode"] };
}

async function off(request: APIRequestContext, baseURL: string) {
  const body = { data: { type: "GLOBAL_READONLY", enabled: false }, headers: { Origin: baseURL } };
  expect((await request.post("/api/admin/ops/maintenance/toggle", body)).status()).toBe(200);
}

test.afterEach(async ({ request, baseURL }) => off(request, baseURL!));

test("a wrong phrase is refused and what was typed stays; the right one turns it on, one press turns it off", async ({ page, request }) => {
  await page.goto("/deploys");
  const card = page.locator("#mode-global_readonly");
  await expect(card).toContainText("OFF");
  await card.getByRole("link", { name: "Turn on…" }).click();
  const dialog = page.locator("dialog[open]");
  await expect(dialog).toContainText("answers 503");
  await expectAccessible(page, "the dialog of enabling");
  await dialog.getByLabel("Minutes").fill("20");
  await dialog.getByLabel("What people read").fill(message);
  await dialog.getByLabel("Reason").fill(reason);
  await dialog.getByLabel(/^Type/).fill("enable maintenance");
  await dialog.locator("button[type=submit]").click();
  await expect(dialog.getByRole("alert").filter({ visible: true })).toContainText("phrase does not match");
  await expect(dialog.getByLabel("What people read")).toHaveValue(message);
  await expect(dialog.getByLabel("Reason")).toHaveValue(reason);
  expect((await gate(request)).status).toBe(204);
  await dialog.getByLabel(/^Type/).fill(phrase);
  await dialog.locator("button[type=submit]").click();
  await expect(dialog).toBeHidden();
  await expect(page).toHaveURL(/\/deploys/);
  await expect(card).toContainText("ACTIVE");
  await expect(page.locator("#banners")).toContainText("Global read-only is on");
  expect(await gate(request)).toEqual({ status: 503, mode: "global_readonly" });
  await expectAccessible(page, "Deploys & Config in a maintenance");
  await card.getByRole("button", { name: "End now" }).click();
  await expect(card).toContainText("OFF");
  await expect(page.locator("#banners")).not.toContainText("Global read-only");
  expect((await gate(request)).status).toBe(204);
});

test("an open screen hears of a maintenance that somebody else starts", async ({ page, request, baseURL }) => {
  await page.goto("/maintenance");
  await expect(page.locator("#mode-global_readonly")).toContainText("OFF");
  const data = { type: "GLOBAL_READONLY", enabled: true, reason, phrase };
  expect((await request.post("/api/admin/ops/maintenance/toggle", { data, headers: { Origin: baseURL! } })).status()).toBe(200);
  await expect(page.locator("#mode-global_readonly")).toContainText("ACTIVE");
  await expect(page.locator("#banners")).toContainText("Global read-only is on");
  await expect(page.locator("#maintenance-windows")).toContainText("ACTIVE");
});

test("a page of another site shows the banner as text, under a strict policy, and takes it away at the end", async ({ page, request, baseURL }) => {
  // A server of its own: browsers keep pages of the internet away from addresses of this machine.
  const policy = `default-src 'self' ${baseURL}; style-src 'self'; img-src data:`;
  const body = `<!doctype html><html lang="en"><title>Shop</title><meta name="viewport" content="width=device-width"><link rel="icon" href="data:,"><main><h1>Shop</h1></main>
    <script src="${baseURL}/banner.js" data-live></script>`;
  const server = createServer((_, answer) => answer.writeHead(200, { "Content-Type": "text/html", "Content-Security-Policy": policy }).end(body));
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const shop = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  await page.setViewportSize({ width: 390, height: 844 });
  await page.goto(shop);
  const banner = page.getByRole("status");
  await expect(page.getByRole("heading")).toBeVisible();
  await expect(banner).toHaveCount(0);
  const data = { type: "GLOBAL_READONLY", enabled: true, message, reason, phrase };
  expect((await request.post("/api/admin/ops/maintenance/toggle", { data, headers: { Origin: baseURL! } })).status()).toBe(200);
  await expect(banner).toContainText(`${message} Until `, { timeout: 2_000 });
  await expectNoSidewaysScroll(page, "a shop with the banner");
  await expectAccessible(page, "a shop with the banner");
  await off(request, baseURL!);
  await expect(banner).toContainText("The maintenance is over.", { timeout: 3_000 });
  server.close();
});

test("the pages and dialogs fit a telephone and are accessible", async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await page.emulateMedia({ colorScheme: "dark" });
  for (const path of ["/maintenance", "/maintenance/status", "/maintenance/enable?type=VENDOR_READONLY", "/maintenance/schedule", "/maintenance/bypass"]) {
    await page.goto(path);
    await expectNoSidewaysScroll(page, path);
    await expectAccessible(page, path);
  }
});

test.describe("without scripts", () => {
  test.use({ javaScriptEnabled: false });

  test("it is scheduled and called off by forms alone", async ({ page }) => {
    await page.goto("/maintenance");
    await page.getByRole("link", { name: "Schedule a maintenance" }).click();
    await page.getByLabel("What it does").selectOption("VENDOR_READONLY");
    await page.getByLabel("Start", { exact: true }).fill("2027-03-13T23:30");
    await page.getByLabel("Reason").fill(reason);
    await page.getByLabel(/^Type/).fill(phrase);
    await page.locator("main form button[type=submit]").click();
    await expect(page.locator("main")).toContainText("SCHEDULED");
    await page.getByRole("link", { name: "Cancel it" }).first().click();
    await page.locator("main form button[type=submit]").click();
    await expect(page.locator("main")).not.toContainText("SCHEDULED");
  });
});
