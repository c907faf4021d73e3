// The real BullMQ: makes jobs that fail, works them off, and says what became of them. Arguments: installed clients, Redis, prefix, command.
// fill N: N jobs, of which every third has priority 7, fail for good. work: a worker finishes everything that waits. counts: as the library says.

import { createRequire } from 'node:module';
import { join } from 'node:path';

const [clients, url, prefix, command, number] = process.argv.slice(2);
const require = createRequire(join(clients, 'package.json'));
const { Queue, Worker } = require('bullmq6');
const { hostname: host, port } = new URL(url);
const connection = { host, port: Number(port || 6379), maxRetriesPerRequest: null };
const queue = new Queue('mail', { connection, prefix });
const until = async (done) => { while (!(await done())) await new Promise((next) => setTimeout(next, 10)); };

if (command === 'fill') {
  const jobs = Array.from({ length: Number(number) }, (_, n) => ({
    name: n % 2 ? 'odd' : 'even', data: { n, to: 'ada@example.org' }, opts: { attempts: 1, priority: n % 3 ? 0 : 7 },
  }));
  await queue.addBulk(jobs);
  const worker = new Worker('mail', async (job) => { throw new Error(`Timeout of mail ${job.data.n}`); }, { connection, prefix, concurrency: 50 });
  await until(async () => (await queue.getFailedCount()) === Number(number));
  await worker.close();
}
if (command === 'work') {
  const worker = new Worker('mail', async () => 'ok', { connection, prefix, concurrency: 50 });
  await until(async () => { const c = await queue.getJobCounts('wait', 'prioritized', 'active', 'delayed'); return Object.values(c).every((n) => n === 0); });
  await worker.close();
}
console.log(JSON.stringify(await queue.getJobCounts('wait', 'prioritized', 'failed', 'completed', 'delayed')));
await queue.close();
process.exit(0);
