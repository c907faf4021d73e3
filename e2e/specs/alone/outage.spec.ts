// The marketplace stops: within a minute everything that depends on its process says so with a reason, and what can still be measured says so truly.
import { request } from "@playwright/test";
import { password, people } from "../../support/people.ts";
import { command, startDemo } from "../../support/product.ts";
import { expect, test } from "../../support/test.ts";

test("a stopped marketplace is seen within a minute", async () => {
  test.setTimeout(240_000);
  const { product, stop } = await startDemo();
  try {
    const person = people[0]!;
    await command(product, ["admin", "create", "--email", person.email, "--name", person.name, "--role", person.role], { QD_PASSWORD: password });
    const api = await request.newContext({ baseURL: product.url, extraHTTPHeaders: { Origin: product.url } });
    await api.post("/login", { form: { email: person.email, password }, maxRedirects: 0 });
    const health = async () => (await api.get("/api/admin/ops/health")).json();
    const status = async (name: string) => JSON.stringify((await health())[name] ?? (await health()).cards?.[name] ?? null).match(/"status":"([A-Z]+)"/)?.[1];
    await expect.poll(() => status("api"), { timeout: 90_000, message: "the API card measures live traffic" }).toMatch(/^(OK|WARN)$/);
    process.kill(product.marketplacePid, "SIGKILL");
    await expect.poll(() => status("api"), { timeout: 60_000, message: "the API card after the stop" }).toMatch(/^(CRIT|STALE)$/);
    expect(await status("database"), "its database file can still be read").not.toMatch(/CRIT|STALE|UNKNOWN/);
    await api.dispose();
  } finally {
    await stop();
  }
});
