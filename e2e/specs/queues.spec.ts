import type { APIRequestContext, Page } from "@playwright/test";
import { expect, test } from "../support/test.ts";

test.use({ role: "SUPER_ADMIN" });

const reason = "Asked for by the browser tests";
const source = "quarterdeck";

interface Row {
  source: string;
  name: string;
  paused: boolean;
}

const rows = async (request: APIRequestContext): Promise<Row[]> => (await (await request.get("/api/admin/ops/queues")).json()).queues;

/** A queue of the shop: its jobs come and go by themselves. */
async function shop(request: APIRequestContext): Promise<Row> {
  const all = await rows(request);
  const found = all.find((row) => row.source !== source) ?? all[0];
  if (!found) throw new Error("no queue is known");
  return found;
}

const address = (row: Row) => `/queues/${encodeURIComponent(row.source)}/${encodeURIComponent(row.name)}`;

const still = async (page: Page) => {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(over, `${page.url()} at ${page.viewportSize()?.width}`).toBeLessThanOrEqual(0);
};

test("every tab is reached by a link and keeps its place in the address, without a sideways scroll", async ({ page }) => {
  const row = await shop(page.request);
  for (const width of [1440, 390]) {
    await page.setViewportSize({ width, height: 900 });
    await page.goto("/queues");
    await still(page);
    for (const tab of ["Failed", "Scheduled", "Workers", "Runs", "Queues"]) {
      const link = page.locator("#queue-tabs").getByRole("link", { name: new RegExp(`^${tab}`) });
      await link.click();
      await expect(link).toHaveAttribute("aria-current", "true");
      await still(page);
      await page.reload();
      await expect(page.locator("#queue-tabs").getByRole("link", { name: new RegExp(`^${tab}`) })).toHaveAttribute("aria-current", "true");
    }
    for (const place of [address(row), `${address(row)}?state=completed`, `${address(row)}/performance`]) {
      await page.goto(place);
      await still(page);
    }
  }
});

test("the table names every queue of every job system, and a filter lives in the address", async ({ page }) => {
  await page.goto("/queues");
  const all = await rows(page.request);
  const table = page.locator("#queue-table");
  for (const row of all.slice(0, 5)) await expect(table).toContainText(row.name);
  await page.keyboard.press("/");
  await expect(page.locator("#q-q")).toBeFocused();
  const wanted = all[0]?.name ?? "";
  await page.locator("#q-q").fill(wanted);
  await expect(page).toHaveURL(new RegExp(`q=${encodeURIComponent(wanted)}`));
  await expect(table.locator("tbody tr").first()).toContainText(wanted);
  await page.locator("#q-q").fill("no queue is called so");
  await expect(page.locator("main")).toContainText("No queue fits the filter");
});

test("a queue is paused from its row with a reason, and resumed again", async ({ page }) => {
  const row = await shop(page.request);
  await page.goto("/queues");
  await page.getByRole("link", { name: `Pause ${row.name}`, exact: true }).click();
  const dialog = page.locator("dialog.dialog[open]");
  await dialog.getByLabel(/Reason/).fill(reason);
  await dialog.getByRole("button", { name: `Pause ${row.name}` }).click();
  await expect(page.locator("#toasts")).toContainText(`${row.name} is paused`);
  const line = page.locator("#queue-table tbody tr").filter({ hasText: row.name }).first();
  await expect(line.getByRole("link", { name: `Resume ${row.name}`, exact: true })).toBeVisible();
  await line.getByRole("link", { name: `Resume ${row.name}`, exact: true }).click();
  await dialog.getByLabel(/Reason/).fill(reason);
  await dialog.getByRole("button", { name: `Resume ${row.name}` }).click();
  await expect(line.getByRole("link", { name: `Pause ${row.name}`, exact: true })).toBeVisible();
  await page.goto("/audit");
  await expect(page.locator("main")).toContainText("Ops queue action");
});

test("a job opens in a drawer over its list, and on a page of its own", async ({ page }) => {
  const row = await shop(page.request);
  await expect(async () => {
    await page.goto(`${address(row)}?state=completed`);
    await expect(page.locator("#queue-jobs tbody tr").first()).toBeVisible({ timeout: 500 });
  }).toPass({ timeout: 20_000 });
  const id = (await page.locator("#queue-jobs tbody a.rowlink").first().textContent()) ?? "";
  const link = page.locator("#queue-jobs").getByRole("link", { name: id, exact: true });
  await link.click();
  const drawer = page.locator("dialog.drawer[open]");
  await expect(drawer).toContainText(id);
  await expect(drawer).toContainText("COMPLETED");
  await page.keyboard.press("Escape");
  await expect(drawer).toHaveCount(0);
  await expect(link).toBeFocused();
  await page.goto(`${address(row)}/jobs/${encodeURIComponent(id)}`);
  await expect(page.getByRole("heading", { level: 1 })).toContainText(id);
  await expect(page.locator("main")).toContainText("What happened");
});

test("chosen jobs go to one dialog, and what was ticked stays after cancelling", async ({ page }) => {
  const row = await shop(page.request);
  await expect(async () => {
    await page.goto(`${address(row)}?state=completed`);
    expect(await page.locator("#queue-jobs tbody tr").count()).toBeGreaterThan(1);
  }).toPass({ timeout: 20_000 });
  await page.getByLabel("All on this page").check();
  const count = await page.locator("#queue-jobs tbody tr").count();
  await expect(page.locator("[data-checked]")).toHaveText(String(count));
  await page.getByRole("button", { name: "Retry chosen" }).click();
  const dialog = page.locator("dialog.dialog[open]");
  await expect(dialog.getByRole("heading")).toContainText(`Retry ${count} jobs`);
  await dialog.getByRole("link", { name: "Cancel" }).click();
  await expect(page.locator("#queue-jobs tbody input:checked")).toHaveCount(count);
});

test("the jobs of a queue are renewed by themselves, but not while some are chosen", async ({ page }) => {
  const own = `/queues/${source}/housekeeping`;
  await page.goto(`${own}?state=completed`);
  const links = page.locator("#queue-list tbody a.rowlink");
  const first = (await links.first().textContent()) ?? "";
  const box = page.getByLabel(`Choose job ${first}`, { exact: true });
  await box.check();
  await page.locator("#main h1").click();
  const ran = await page.request.post(`/api/admin/ops${own}/schedules/system-cleanup/run`, { data: { reason } });
  expect([200, 409]).toContain(ran.status());
  await expect(page.locator("#freshness")).toHaveAttribute("data-state", "paused", { timeout: 20_000 });
  await expect(box).toBeChecked();
  await box.uncheck();
  // A link keeps the focus over the swap: whoever goes by keyboard is not thrown back.
  await links.first().focus();
  await expect(links.first()).not.toHaveText(first, { timeout: 25_000 });
  await expect(page.locator(":focus")).toHaveText(first);
});

test("everything that a filter matches is removed by a run with a phrase, and comes back", async ({ page }) => {
  const row = await shop(page.request);
  await expect(async () => {
    await page.goto(`${address(row)}?state=completed`);
    await expect(page.getByRole("link", { name: /^Remove all/ })).toBeVisible({ timeout: 500 });
  }).toPass({ timeout: 20_000 });
  await page.getByRole("link", { name: /^Remove all/ }).click();
  const dialog = page.locator("dialog.dialog[open]");
  await expect(dialog.getByRole("group", { name: "Blast radius" })).toBeVisible();
  await dialog.getByLabel(/Reason/).fill(reason);
  await dialog.getByLabel(/^Type/).fill(`PURGE ${row.name}`);
  await dialog.getByRole("button", { name: /^Remove/ }).click();
  await expect(page).toHaveURL(/\/queues\/runs\//);
  await expect(page.locator("#run")).toContainText("DONE");
  await page.getByRole("link", { name: "Undo…" }).click();
  await dialog.getByLabel(/Reason/).fill(reason);
  await dialog.getByRole("button", { name: /^Restore/ }).click();
  await expect(page.locator("#run")).toContainText("Restore in");
  await expect(page.locator("#run")).toContainText("DONE");
});

test("recurring jobs are told in words, run now, and are paused", async ({ page }) => {
  await page.goto("/queues?tab=scheduled");
  const line = page.locator("#queue-schedules tbody tr").first();
  await expect(line).toContainText(/every|daily|day|at /);
  await line.getByRole("link", { name: "Run now" }).click();
  const dialog = page.locator("dialog.dialog[open]");
  await dialog.getByLabel(/Reason/).fill(reason);
  await dialog.getByRole("button", { name: "Run it now" }).click();
  await expect(page.locator("#toasts")).toContainText("was enqueued");
});

test.describe("who only reads", () => {
  test.use({ role: "STAFF_ADMIN" });

  test("sees no button and is refused by every route that acts", async ({ page }) => {
    const row = await shop(page.request);
    for (const place of ["/queues", "/queues?tab=scheduled", address(row)]) {
      await page.goto(place);
      await expect(page.locator("main a[data-dialog][href*='/pause'], main a[data-dialog][href*='/retry'], main a[data-dialog][href*='/run']")).toHaveCount(0);
      await expect(page.locator("main input[type=checkbox]")).toHaveCount(0);
    }
    for (const what of ["pause", "resume", "retry", "remove", "purge", "drain", "obliterate", "limits"]) {
      const answer = await page.request.post(`/api/admin/ops${address(row)}/${what}`, { data: { reason } });
      expect(answer.status(), what).toBe(403);
    }
    const old = await page.request.post("/api/admin/ops/queues/action", { data: { queueName: row.name, source: row.source, action: "pause", reason } });
    expect(old.status()).toBe(403);
  });
});
