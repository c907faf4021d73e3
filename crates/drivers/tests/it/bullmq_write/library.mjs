// The real BullMQ, 5 and 6, for tests in Rust: a line of JSON with code comes in, what the code returns goes out.
// Arguments: directory of the installed clients, URL of Redis, prefix.

import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const [clients, url, prefix] = process.argv.slice(2);
const require = createRequire(join(clients, 'package.json'));
const packages = { 5: require('bullmq5'), 6: require('bullmq6') };
const IORedis = require('ioredis');
const { hostname: host, port, pathname } = new URL(url);
const connection = { host, port: Number(port || 6379), db: Number(pathname.slice(1) || 0), maxRetriesPerRequest: null };
const redis = new IORedis(connection);
const open = [];

const lib = {
  redis,
  memo: {},
  packages,
  // A queue of that major version.
  queue(v, name = 'mail') {
    const made = new packages[v].Queue(name, { connection, prefix });
    made.on('error', () => {});
    open.push(made);
    return made;
  },
  // A worker; `memo.done` gets what it did.
  worker(v, work, name = 'mail', options = {}) {
    const made = new packages[v].Worker(name, work, { connection, prefix, concurrency: 20, ...options });
    made.on('error', () => {});
    open.push(made);
    return made;
  },
  flow(v) {
    const made = new packages[v].FlowProducer({ connection, prefix });
    open.push(made);
    return made;
  },
  async until(what, look, seconds = 110) {
    const end = Date.now() + seconds * 1000;
    while (!(await look())) {
      if (Date.now() > end) throw new Error(`${what} did not happen`);
      await new Promise((next) => setTimeout(next, 5));
    }
  },
  async keys() {
    const found = new Set();
    let cursor = '0';
    do {
      const [next, page] = await redis.scan(cursor, 'MATCH', `${prefix}:*`, 'COUNT', 5000);
      page.forEach((key) => found.add(key));
      cursor = next;
    } while (cursor !== '0');
    return [...found].sort();
  },
  key: (part, name = 'mail') => `${prefix}:${name}:${part}`,
  // Everything under the prefix, to be put back.
  async snapshot() {
    const all = [];
    for (const key of await lib.keys()) all.push([key, await redis.dumpBuffer(key), await redis.pttl(key)]);
    return all;
  },
  async put(all) {
    for (const key of await lib.keys()) await redis.del(key);
    for (const [key, value, left] of all) await redis.restore(key, Math.max(left, 0), value);
  },
  // Everything under the prefix, to be compared.
  async dump() {
    const all = {};
    const read = {
      hash: (key) => redis.hgetall(key),
      zset: (key) => redis.zrange(key, 0, -1, 'WITHSCORES'),
      list: (key) => redis.lrange(key, 0, -1),
      set: async (key) => (await redis.smembers(key)).sort(),
      string: (key) => redis.get(key),
      stream: async (key) => (await redis.xrange(key, '-', '+')).map(([, fields]) => fields.join(' ')),
    };
    for (const key of await lib.keys()) {
      const name = key.slice(prefix.length + 1);
      all[name] = await read[await redis.type(key)](key);
      const left = await redis.pttl(key);
      if (left >= 0) all[`${name} expires in minutes`] = Math.round(left / 60000);
    }
    return all;
  },
};

// A worker that is closed while it blocks says so to nobody.
process.on('unhandledRejection', (fault) => {
  if (!/connection is closed/i.test(String(fault?.message))) throw fault;
});

const AsyncFunction = (async () => {}).constructor;
process.stdout.write('{"ready":true}\n');
for await (const line of createInterface({ input: process.stdin })) {
  const { code, v } = JSON.parse(line);
  let said;
  try {
    said = { value: (await new AsyncFunction('lib', 'v', 'memo', code)(lib, v, lib.memo)) ?? null };
  } catch (fault) {
    said = { fault: String(fault?.stack ?? fault) };
  }
  process.stdout.write(`${JSON.stringify(said)}\n`);
}
process.exit();
