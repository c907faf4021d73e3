// How the system's Chromium is started: no downloads, no calls home, and no sandbox where root runs it.

/** Path of the browser. */
export const executablePath = process.env.QD_TEST_CHROMIUM ?? "/usr/bin/chromium";

const quiet = [
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-dev-shm-usage",
];

/** Options for Playwright's launch. */
export function chromiumOptions(extra = []) {
  const root = process.getuid?.() === 0;
  return { executablePath, args: [...quiet, ...(root ? ["--no-sandbox"] : []), ...extra] };
}
