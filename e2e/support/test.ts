// `test` with a role, the product's address, and a watch: any console error, script error, broken request or CSP violation fails the test.
import { type Page, test as base, expect } from "@playwright/test";
import { type Role, sessionFile } from "./people.ts";
import type { Place } from "./pages.ts";
import type { Product } from "./product.ts";

export { expect };

/** The product that the set-up has started, and its pages. */
export const product = (): Product & { places: Place[]; unreached: string[] } => JSON.parse(process.env.QD_E2E ?? "null");

/** The browser writes a line for each refused request; these answers are meant (sign in, may not, conflict, mistyped, too many). */
const meant = /Failed to load resource: the server responded with a status of (401|403|409|422|429)/;

/** Collects what goes wrong on a page. */
export function watch(page: Page): string[] {
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(`script error: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error" && !meant.test(message.text())) faults.push(`console: ${message.text()} (${message.location().url})`);
  });
  page.on("response", (response) => {
    if (response.status() >= 500) faults.push(`${response.status()} from ${response.url()}`);
  });
  return faults;
}

export const test = base.extend<{ role: Role; tolerated: RegExp[] }>({
  role: ["SUPER_ADMIN", { option: true }],
  /** A test that breaks something on purpose says here what the browser will write about it. */
  tolerated: async ({}, use) => use([]),
  baseURL: async ({}, use) => use(product().url),
  storageState: async ({ role }, use) => use(role === "nobody" ? { cookies: [], origins: [] } : sessionFile(role)),
  context: async ({ context }, use) => {
    await context.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) => console.error(`CSP: ${event.violatedDirective} blocked ${event.blockedURI}`));
    });
    await use(context);
  },
  page: async ({ page, tolerated }, use) => {
    const faults = watch(page);
    await use(page);
    expect(faults.filter((fault) => !tolerated.some((pattern) => pattern.test(fault))), "faults in the browser's console").toEqual([]);
  },
});
