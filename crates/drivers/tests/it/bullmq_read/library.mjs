// The real BullMQ for tests in Rust: a line with code comes in, a line of JSON with what the code returns goes out.
// Arguments: directory of the installed clients, port of Redis, prefix, major version.

import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const [clients, port, prefix, version] = process.argv.slice(2);
const { Queue, Worker, FlowProducer } = createRequire(join(clients, 'package.json'))(`bullmq${version}`);
const connection = { host: '127.0.0.1', port: Number(port), maxRetriesPerRequest: null };
const quiet = (made) => (made.on('error', () => {}), made);

const queue = (name) => quiet(new Queue(name, { connection, prefix }));
const worker = (name, work, options = {}) => quiet(new Worker(name, work, { connection, prefix, ...options }));
const until = async (what, look) => {
  const end = Date.now() + 30000;
  while (!(await look())) {
    if (Date.now() > end) throw new Error(`${what} did not happen`);
    await new Promise((next) => setTimeout(next, 5));
  }
};

// One job in the library's words.
const job = async (at, one) => ({
  id: one.id,
  name: one.name,
  state: await one.getState(),
  data: JSON.stringify(one.data),
  priority: one.priority ?? one.opts.priority ?? 0,
  attempts: one.attemptsMade,
  attemptsMax: one.opts.attempts > 0 ? one.opts.attempts : null,
  timestamp: one.timestamp,
  processedOn: one.processedOn ?? null,
  finishedOn: one.finishedOn ?? null,
  due: (await one.getState()) === 'delayed' ? one.timestamp + one.delay : null,
  reason: one.failedReason ?? null,
  worker: one.processedBy ?? null,
  schedule: one.repeatJobKey ?? null,
  result: one.returnvalue == null ? null : JSON.stringify(one.returnvalue),
  stacks: one.stacktrace ?? [],
  progress: one.progress ? JSON.stringify(one.progress) : null,
  logs: (await at.getJobLogs(one.id)).logs,
  parent: one.parentKey ?? null,
  children: Object.values((await one.getDependenciesCount()) ?? {}).reduce((sum, count) => sum + count, 0),
  delay: one.opts.delay ?? 0,
  unique: one.deduplicationId ?? null,
});

// What the library says of a queue.
const tell = async (name) => {
  const at = queue(name);
  const jobs = {};
  const kinds = ['waiting', 'prioritized', 'active', 'delayed', 'waiting-children', 'completed', 'failed'];
  for (const kind of version === '5' ? [...kinds, 'paused'] : kinds) {
    const newestFirst = kind === 'completed' || kind === 'failed';
    jobs[kind] = await Promise.all((await at.getJobs([kind], 0, -1, !newestFirst)).map((one) => job(at, one)));
  }
  const schedules = await at.getJobSchedulers(0, -1, true);
  const { version: label } = await at.getMeta();
  const told = {
    counts: await at.getJobCounts(),
    paused: await at.isPaused(),
    workers: await at.getWorkersCount(),
    concurrency: await at.getGlobalConcurrency(),
    rate: await at.getGlobalRateLimit?.(),
    version: label,
    schedules,
    jobs,
  };
  await at.close();
  return told;
};

let release = () => {};

// Jobs of every kind.
const fill = async () => {
  const mail = queue('mail');
  for (let n = 1; n <= 3; n += 1) await mail.add(`mail-${n}`, { n, to: 'ä@example.org' });
  await mail.add('later', { n: 4 }, { delay: 3600000, attempts: 3 });
  await mail.add('much later', { n: 5 }, { delay: 7200000, priority: 3 });
  for (const priority of [7, 2, 7]) await mail.add(`p${priority}`, { priority }, { priority });
  await mail.add('once', {}, { deduplication: { id: 'one' }, jobId: 'custom-id' });

  const ticks = queue('ticks');
  await ticks.upsertJobScheduler('hourly', { every: 3600000 }, { name: 'hour', data: { t: 1 } });
  await ticks.upsertJobScheduler('nightly', { pattern: '0 3 * * *', tz: 'America/New_York' }, { name: 'night' });
  if (version === '5') await ticks.add('legacy', {}, { repeat: { pattern: '*/5 * * * *' } });

  const done = queue('done');
  const work = async (one) => {
    if (one.name === 'bad') throw new Error(`no luck with ${one.data.n}`);
    await one.updateProgress({ percent: 50 });
    await one.log(`line 1 of ${one.data.n}`);
    await one.log('line 2');
    return { sent: one.data.n };
  };
  const worked = worker('done', work, { name: 'w-1' });
  for (let n = 1; n <= 4; n += 1) await done.add('good', { n });
  await done.add('bad', { n: 5 }, { attempts: 2 });
  await done.add('bad', { n: 6 }, { priority: 5 });
  await done.add('good', { n: 7 }, { removeOnComplete: true });
  await until('all work', async () => {
    const counts = await done.getJobCounts();
    return counts.completed === 4 && counts.failed === 2 && counts.waiting + counts.active + counts.prioritized === 0;
  });
  await done.add('good', { n: 8 }, { delay: 600000 });

  const busy = queue('busy');
  worker('busy', () => new Promise((next) => (release = next)));
  for (let n = 1; n <= 3; n += 1) await busy.add('long', { n });
  await until('one runs', async () => (await busy.getActiveCount()) === 1);

  const held = queue('held');
  for (let n = 1; n <= 3; n += 1) await held.add('held', { n });
  await held.pause();
  await held.add('held', { n: 4 });
  await held.setGlobalConcurrency(4);
  await held.setGlobalRateLimit?.(10, 1000);

  const flow = quiet(new FlowProducer({ connection, prefix }));
  const kid = (n) => ({ name: `kid ${n}`, queueName: 'flow-kids', data: { n } });
  await flow.add({ name: 'parent', queueName: 'flow', data: {}, children: [kid(1), kid(2)] });
  await queue('Ä b.c/d').add('odd', {});
  const names = ['mail', 'ticks', 'done', 'busy', 'held', 'flow', 'flow-kids', 'Ä b.c/d'];
  const told = {};
  for (const name of names) told[name] = await tell(name);
  return told;
};

const tools = { queue, worker, until, tell, fill, release: () => release(), Worker, connection, prefix };
const AsyncFunction = (async () => {}).constructor;
process.stdout.write('{"value":"ready"}\n');
for await (const line of createInterface({ input: process.stdin })) {
  let said;
  try {
    said = { value: (await new AsyncFunction(...Object.keys(tools), JSON.parse(line))(...Object.values(tools))) ?? null };
  } catch (fault) {
    said = { fault: String(fault?.stack ?? fault) };
  }
  process.stdout.write(`${JSON.stringify(said)}\n`);
}
process.exit();
