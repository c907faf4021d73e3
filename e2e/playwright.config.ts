import { defineConfig } from "@playwright/test";
import { chromiumOptions } from "./tools/chromium.mjs";

// One product for the whole run (support/product.ts), two browsers at a time, no second tries: a test that fails now and then is a fault.
export default defineConfig({
  testDir: "specs",
  outputDir: "output/artifacts",
  globalSetup: "./support/setup.ts",
  fullyParallel: true,
  workers: 2,
  retries: 0,
  forbidOnly: !!process.env.CI,
  timeout: 90_000,
  expect: { timeout: 10_000 },
  reporter: [["list"], ["json", { outputFile: "output/results.json" }]],
  use: {
    browserName: "chromium",
    launchOptions: chromiumOptions(),
    viewport: { width: 1440, height: 900 },
    colorScheme: "light",
    locale: "en-US",
    timezoneId: "UTC",
    actionTimeout: 10_000,
    navigationTimeout: 15_000,
    screenshot: "only-on-failure",
    trace: "retain-on-failure",
  },
  projects: [
    { name: "views", testIgnore: /alone\// },
    // What must have the machine to itself: scores and outages.
    { name: "alone", testMatch: /alone\//, dependencies: ["views"], fullyParallel: false, workers: 1 },
  ],
});
