// Before the first test: start the product, make the accounts, sign each in once. After the last: stop it.
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { type APIRequestContext, request } from "@playwright/test";
import { clumsy, gone, password, people, sessionFile } from "./people.ts";
import { type Place, pages } from "./pages.ts";
import { type Product, command, startDemo } from "./product.ts";
import { builds, service, startRender } from "./render.ts";

export default async function setup() {
  const render = await startRender();
  const demo = await startDemo({ environment: render.environment }).catch(async (error) => {
    await render.stop();
    throw error;
  });
  const { product } = demo;
  const stop = async () => {
    await demo.stop();
    await render.stop();
  };
  try {
    const found = await furnish(product);
    process.env.QD_E2E = JSON.stringify({ ...product, ...found });
  } catch (error) {
    await stop();
    throw error;
  }
  return stop;
}

async function furnish(product: Product): Promise<{ places: Place[]; unreached: string[] }> {
  for (const person of [...people, clumsy, gone]) {
    await command(product, ["admin", "create", "--email", person.email, "--name", person.name, "--role", person.role], { QD_PASSWORD: password });
  }
  for (const { role, email } of people) {
    const context = await request.newContext({ baseURL: product.url, extraHTTPHeaders: { Origin: product.url } });
    const answer = await context.post("/login", { form: { email, password }, maxRedirects: 0 });
    if (answer.status() !== 303) throw new Error(`${role} can't sign in: ${answer.status()} ${await answer.text()}`);
    mkdirSync(dirname(sessionFile(role)), { recursive: true });
    await context.storageState({ path: sessionFile(role) });
    if (role === "ADMIN") await incidents(context);
    await context.dispose();
  }
  const everything = await request.newContext({ baseURL: product.url, storageState: sessionFile("SUPER_ADMIN"), extraHTTPHeaders: { Origin: product.url } });
  await disable(everything, gone.email);
  await maintenance(everything);
  await deploys(everything);
  await flags(everything);
  // Some forms are offered only while a queue stands still or a run goes on.
  await queues(everything);
  const path = "/api/admin/ops/queues/marketplace/labels";
  await act(everything, `${path}/pause`, { reason: "Set up for the browser tests" });
  const found = await pages(everything);
  await act(everything, `${path}/resume`, { reason: "Set up for the browser tests" });
  await everything.dispose();
  return found;
}

/** Lists and pages are tested with something on them, and each act with something that it can be done to. */
async function incidents(context: APIRequestContext) {
  const titles = ["Checkout answers slowly", "Labels are not printed", "Search finds nothing in Fermented foods"];
  const reason = "Set up for the browser tests";
  for (const [index, title] of titles.entries()) {
    await act(context, "/api/admin/ops/incidents", { title, severity: `SEV${index + 1}`, summary: "Seen on the dashboard; customers write in." });
  }
  await act(context, "/api/admin/ops/incidents/INC-2/mitigate", { reason });
  await act(context, "/api/admin/ops/incidents/INC-3/close", { reason });
}

async function disable(context: APIRequestContext, email: string) {
  const { users } = await (await context.get("/api/admin/ops/users")).json();
  const { id } = users.find((user: { email: string }) => user.email === email);
  await act(context, `/api/admin/ops/users/${id}/disable`, { reason: "Left the company last week" });
}

async function act(context: APIRequestContext, path: string, data: object) {
  const answer = await context.post(path, { data });
  if (!answer.ok()) throw new Error(`${path} answers ${answer.status()}: ${await answer.text()}`);
}

/** A window that holds and one to come, for pages and forms of either; they concern a vendor who does not exist. */
async function maintenance(context: APIRequestContext) {
  const window = { type: "VENDOR_READONLY", vendors: ["nobody"], audience: "admins", minutes: 600, reason: "Set up for the browser tests", phrase: "ENABLE MAINTENANCE" };
  await act(context, "/api/admin/ops/maintenance/enable", window);
  await act(context, "/api/admin/ops/maintenance/windows", { ...window, startsAt: "2028-01-01T02:00:00Z", announceMinutes: 0 });
}

/** What CI told of (one long ago, one that failed), and a rollback at the provider, which holds auto-deploy off. */
async function deploys(context: APIRequestContext) {
  const hours = (count: number) => new Date(Date.now() - count * 3_600_000).toISOString();
  const told = { service: "search", branch: "main", author: "Jo Web" };
  const live = { ...told, sha: "0f1e2d3c4b5a69788796a5b4c3d2e1f001122334", status: "live", message: "Index the fermented foods again" };
  await act(context, "/api/admin/ops/deployments", { ...live, commitAt: hours(510), startedAt: hours(500), finishedAt: hours(499.9) });
  await act(context, "/api/admin/ops/deployments", { ...told, sha: "1a2b3c4d5e6f708192a3b4c5d6e7f80910213243", status: "failed", startedAt: hours(2), finishedAt: hours(1.9), error: "The health check never passed" });
  const first = await eventually(async () => {
    const { deployments } = await (await context.get(`/api/admin/ops/deployment/history?service=${service.name}`)).json();
    const known = (sha: string) => deployments.find((deploy: { sha: string; status: string }) => deploy.sha === sha && deploy.status === "live");
    return known(builds[1].sha) && known(builds[0].sha);
  }, "the provider's deploys are known");
  const rollback = { reason: "Set up for the browser tests", phrase: `ROLL BACK ${service.name}` };
  await act(context, `/api/admin/ops/deployments/${first.id}/rollback`, rollback);
}

/** One with many revisions, a paused ramp and a change to come; one that is archived. */
async function flags(context: APIRequestContext) {
  const path = "/api/admin/ops/feature-flags";
  const reason = "Set up for the browser tests";
  const key = "checkout.one-page";
  await act(context, path, { key, scope: "VENDOR", enabled: true, notes: "The checkout on one page", tags: ["checkout"], reason });
  for (let percentage = 1; percentage <= 10; percentage += 1) await act(context, `${path}/${key}/rollout`, { rolloutPercentage: percentage, reason });
  await act(context, `${path}/${key}/ramp`, { steps: [{ percentage: 25, holdSeconds: 3_600 }, { percentage: 100 }], reason });
  await act(context, `${path}/${key}/ramp/pause`, {});
  await act(context, `${path}/${key}/schedule`, { at: new Date(Date.now() + 30 * 86_400_000).toISOString(), enabled: false, reason });
  const old = "checkout.old-basket";
  await act(context, path, { key: old, scope: "GLOBAL", reason });
  await act(context, `${path}/${old}/archive`, { reason, phrase: `ARCHIVE ${old}` });
}

/** Jobs of our own that are done, a paused schedule, a run that can be undone, and one that takes its time. */
async function queues(context: APIRequestContext) {
  const [path, reason] = ["/api/admin/ops/queues", "Set up for the browser tests"];
  const own = `${path}/quarterdeck/housekeeping`;
  await act(context, `${own}/schedules/retention/pause`, { reason });
  const ended = async (queue: string, least: number) => {
    const { queues } = await (await context.get(path)).json();
    return queues.find((row: { name: string; completed: number }) => row.name === queue && row.completed >= least);
  };
  await eventually(() => ended("analytics", 1), "a job of the shop is done");
  const begin = async (place: string, data: object) => {
    const answer = await context.post(`${path}/${place}`, { data: { state: "completed", reason, ...data } });
    if (!answer.ok()) throw new Error(`${place} answers ${answer.status()}: ${await answer.text()}`);
    return (await answer.json()).id as string;
  };
  const run = await begin("marketplace/analytics/purge", { phrase: "PURGE analytics" });
  await eventually(async () => (await (await context.get(`${path}/runs/${run}`)).json()).status === "DONE" || undefined, "the run is over");
  // One run of a schedule at a time: a refusal says that the one before goes on.
  for (let tries = 0; tries < 600 && !(await ended("housekeeping", 30)); tries += 1) await context.post(`${own}/schedules/system-cleanup/run`, { data: { reason } });
  await begin("quarterdeck/housekeeping/retry-all", { rate: 1 });
}

async function eventually<T>(look: () => Promise<T | undefined>, what: string): Promise<T> {
  for (let tries = 0; tries < 100; tries += 1) {
    const found = await look();
    if (found) return found;
    await new Promise((later) => setTimeout(later, 200));
  }
  throw new Error(`not within 20 s: ${what}`);
}
