// Weighs pages in Chromium with an empty cache: node tools/weight.mjs BASE PATH… (session in COOKIE). Prints {path: {bytes, requests}}.
// Bytes are what came over the wire, without fonts; requests are all, fonts included.
import { chromium } from "@playwright/test";
import { chromiumOptions } from "./chromium.mjs";

const [base, ...paths] = process.argv.slice(2);
const browser = await chromium.launch(chromiumOptions());
const weights = {};
for (const path of paths) {
  const context = await browser.newContext({ extraHTTPHeaders: {} });
  const cookies = (process.env.COOKIE ?? "").split("; ").filter(Boolean);
  await context.addCookies(cookies.map((cookie) => ({ name: cookie.split("=")[0], value: cookie.slice(cookie.indexOf("=") + 1), url: base })));
  const page = await context.newPage();
  const cdp = await context.newCDPSession(page);
  await cdp.send("Network.enable");
  const kinds = new Map();
  const weight = { bytes: 0, requests: 0 };
  cdp.on("Network.requestWillBeSent", (event) => {
    if (event.request.url.startsWith("http")) {
      weight.requests += 1;
      kinds.set(event.requestId, event.type);
    }
  });
  cdp.on("Network.loadingFinished", (event) => {
    if (kinds.has(event.requestId) && !["Font", "EventSource"].includes(kinds.get(event.requestId))) weight.bytes += event.encodedDataLength;
  });
  await page.goto(base + path, { waitUntil: "load" });
  // Scripts may ask for more once they run; an open event stream never lets the network fall idle.
  await page.evaluate(() => new Promise((done) => requestIdleCallback(done, { timeout: 2000 })));
  weights[path] = weight;
  await context.close();
}
await browser.close();
process.stdout.write(JSON.stringify(weights));
