// The OpenFeature web SDK with the OFREP web provider, bundled and run in Chromium on a page of another origin.

import { once } from 'node:events';
import { createServer } from 'node:http';

import { build } from 'esbuild';
import { chromium } from 'playwright-core';

import { answer, tell } from './lines.mjs';

const { OFREP_ENDPOINT: baseUrl, TOKEN: token, QD_TEST_CHROMIUM: executablePath } = process.env;
const entry = new URL('page.mjs', import.meta.url).pathname;
const { outputFiles } = await build({ entryPoints: [entry], bundle: true, format: 'iife', write: false, logLevel: 'silent' });
const script = outputFiles[0].text;

const server = createServer((request, response) => {
  const [type, body] = request.url === '/page.js' ? ['text/javascript', script] : ['text/html', '<!doctype html><script src="/page.js"></script>'];
  response.writeHead(200, { 'content-type': `${type}; charset=utf-8` }).end(body);
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const origin = `http://127.0.0.1:${server.address().port}`;

const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
const page = await browser.newPage();
const requests = [];
page.on('request', (request) => {
  const url = new URL(request.url());
  if (url.origin === new URL(baseUrl).origin) {
    requests.push({ method: request.method(), path: url.pathname, query: [...url.searchParams.keys()].sort() });
  }
});
page.on('console', (message) => tell({ event: 'console', text: message.text() }));
await page.exposeFunction('report', tell);
await page.goto(origin);

const inside = (name) => (given) => page.evaluate(([name, given]) => globalThis[name](given), [name, given]);
await answer({
  origin: () => ({ origin }),
  start: ({ context, options }) => page.evaluate((given) => globalThis.start(given), { baseUrl, token, context, options }),
  context: inside('change'),
  evaluate: inside('evaluate'),
  fetch: inside('ask'),
  reload: async () => {
    await page.reload();
  },
  requests: () => ({ requests: requests.splice(0) }),
});
await browser.close();
server.close();
