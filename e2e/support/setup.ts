// Before the first test: start the product, make the accounts, sign each in once. After the last: stop it.
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { type APIRequestContext, request } from "@playwright/test";
import { clumsy, gone, password, people, sessionFile } from "./people.ts";
import { type Place, pages } from "./pages.ts";
import { type Product, command, startDemo } from "./product.ts";

export default async function setup() {
  const { product, stop } = await startDemo();
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
  const found = await pages(everything);
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
