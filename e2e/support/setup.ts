// Before the first test: start the product, make the accounts, sign each in once. After the last: stop it.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type APIRequestContext, request } from "@playwright/test";
import { clumsy, password, people, sessionFile } from "./people.ts";
import { type Product, command, startDemo } from "./product.ts";

export default async function setup() {
  const { product, stop } = await startDemo();
  try {
    await furnish(product);
  } catch (error) {
    await stop();
    throw error;
  }
  process.env.QD_E2E = JSON.stringify(product);
  return stop;
}

async function furnish(product: Product) {
  for (const person of [...people, clumsy]) {
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
  writeFileSync(join(import.meta.dirname, "../output/product.json"), JSON.stringify(product));
}

/** Lists and pages are tested with something on them. */
async function incidents(context: APIRequestContext) {
  const titles = ["Checkout answers slowly", "Labels are not printed", "Search finds nothing in Fermented foods"];
  for (const [index, title] of titles.entries()) {
    const data = { title, severity: `SEV${index + 1}`, summary: "Seen on the dashboard; customers write in." };
    const answer = await context.post("/api/admin/ops/incidents", { data });
    if (!answer.ok()) throw new Error(`no incident: ${answer.status()} ${await answer.text()}`);
  }
}
