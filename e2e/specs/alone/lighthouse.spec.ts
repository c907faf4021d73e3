// Lighthouse on real pages with a session: performance, accessibility and best practices at 95 or more.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "@playwright/test";
import lighthouse, { desktopConfig } from "lighthouse";
import { sessionFile } from "../../support/people.ts";
import { expect, product, test } from "../../support/test.ts";
import { chromiumOptions } from "../../tools/chromium.mjs";

const bar = 95;
const categories = ["performance", "accessibility", "best-practices"];

const freePort = () =>
  new Promise<number>((found) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => found(typeof address === "object" && address ? address.port : 0));
    });
  });

const runs = [
  { path: "/health", form: "desktop" },
  { path: "/health", form: "mobile" },
  { path: "/incidents", form: "desktop" },
  { path: "/audit", form: "desktop" },
  { path: "/deploys", form: "desktop" },
  { path: "/flags", form: "desktop" },
  { path: "/maintenance", form: "desktop" },
];

for (const { path, form } of runs) {
  test(`Lighthouse on ${path}, ${form}`, async () => {
    test.setTimeout(240_000);
    const port = await freePort();
    const profile = mkdtempSync(join(tmpdir(), "quarterdeck-lighthouse-"));
    const context = await chromium.launchPersistentContext(profile, { ...chromiumOptions([`--remote-debugging-port=${port}`]), headless: true });
    try {
      await context.addCookies(JSON.parse(readFileSync(sessionFile("SUPER_ADMIN"), "utf8")).cookies);
      // Nobody looks at its pictures of the whole page.
      const flags = { port, onlyCategories: categories, logLevel: "error", disableStorageReset: true, disableFullPageScreenshot: true } as const;
      const measure = async () => (await lighthouse(product().url + path, { ...flags, onlyCategories: [...categories] }, form === "desktop" ? desktopConfig : undefined))!.lhr;
      const speed = (lhr: Awaited<ReturnType<typeof measure>>) => Math.round((lhr.categories.performance!.score ?? 0) * 100);
      let report = await measure();
      // Blocking time is the machine's as much as the page's: the best of three counts.
      for (let again = 0; again < 2 && speed(report) < bar; again += 1) {
        const next = await measure();
        if (speed(next) > speed(report)) report = next;
      }
      mkdirSync("output", { recursive: true });
      writeFileSync(`output/lighthouse${path.replaceAll("/", "-")}-${form}.json`, JSON.stringify(report, null, 1));
      expect(report.finalDisplayedUrl, "not sent to the sign-in page").toContain(path);
      for (const category of categories) {
        const found = report.categories[category]!;
        const lost = found.auditRefs.map((ref) => report.audits[ref.id]!).filter((audit) => audit.score !== null && audit.score < 0.9 && audit.scoreDisplayMode !== "informative");
        expect.soft(Math.round((found.score ?? 0) * 100), `${category}: ${lost.map((audit) => `${audit.id} ${audit.displayValue ?? ""}`).join("; ")}`).toBeGreaterThanOrEqual(bar);
      }
    } finally {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    }
  });
}
