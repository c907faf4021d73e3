// Works off the marketplace's queues with BullMQ: three with version 6, one with version 5, as in a platform that is half way through an upgrade.
// What a job means is the shop's business: each is handed to it over loopback, and what it says decides whether the job is done, is tried again or
// has failed. Told by the environment: REDIS_URL, QUEUE_PREFIX, WORK_URL, WORK_TOKEN, TIME_ZONE. Ends when its standard input does.
import { Queue, UnrecoverableError, Worker } from "bullmq6";
import { Queue as Queue5, UnrecoverableError as UnrecoverableError5, Worker as Worker5 } from "bullmq5";

const { REDIS_URL, QUEUE_PREFIX: prefix = "bull", WORK_URL, WORK_TOKEN, TIME_ZONE: tz } = process.env;
if (!REDIS_URL || !WORK_URL || !WORK_TOKEN) {
  console.error("REDIS_URL, WORK_URL and WORK_TOKEN are needed");
  process.exit(2);
}
const url = new URL(REDIS_URL);
const connection = {
  host: url.hostname.replace(/^\[|\]$/g, ""),
  port: Number(url.port || 6379),
  username: decodeURIComponent(url.username) || undefined,
  password: decodeURIComponent(url.password) || undefined,
  db: Number(url.pathname.slice(1) || 0),
  tls: url.protocol === "rediss:" ? {} : undefined,
  maxRetriesPerRequest: null,
};

/** The shop's answer to one attempt: 200 done, 422 never again, anything else later. */
function processor(NeverAgain) {
  return async (job) => {
    await job.log(`attempt ${job.attemptsMade + 1} by ${process.pid}`);
    const answer = await fetch(`${WORK_URL}/work/${encodeURIComponent(job.name)}`, {
      method: "POST",
      headers: { authorization: `Bearer ${WORK_TOKEN}`, "content-type": "application/json" },
      body: JSON.stringify({ id: String(job.id), queue: job.queueName, attempt: job.attemptsMade + 1, data: job.data }),
      signal: AbortSignal.timeout(600_000),
    });
    const said = await answer.text();
    if (answer.ok) {
      await job.log("done");
      return { took: Date.now() - job.processedOn };
    }
    if (answer.status === 422) throw new NeverAgain(said);
    throw new Error(said || `the shop answered ${answer.status}`);
  };
}

const lists = { email: 4, labels: 2, notifications: 4 };
const workers = Object.entries(lists).map(
  ([name, concurrency]) => new Worker(name, processor(UnrecoverableError), { connection, prefix, concurrency, name: `${name}-1` }),
);
workers.push(new Worker5("analytics", processor(UnrecoverableError5), { connection, prefix, concurrency: 2, name: "analytics-1" }));

// What recurs, in the shop's own time zone.
const analytics = new Queue5("analytics", { connection, prefix });
const keep = { removeOnComplete: { count: 100 }, removeOnFail: { count: 500 } };
const schedules = [
  ["revenue-snapshot", "*/10 * * * *", "analytics.revenue-snapshot", { days: 2 }],
  ["tidy", "17 * * * *", "analytics.tidy", {}],
];
// A producer of version 6 as well, so that both versions have written their name.
const queues = Object.keys(lists).map((name) => new Queue(name, { connection, prefix }));

for (const one of [...workers, ...queues, analytics]) {
  let told = 0;
  // One line a minute, not one for each try to reach a Redis that is away.
  one.on("error", (error) => {
    if (Date.now() - told > 60_000) console.error(`${one.name}: ${error.message || error.code}`);
    told = Date.now();
  });
}
// Not awaited before the workers run: they wait for Redis by themselves.
const planned = Promise.all(
  schedules.map(([id, pattern, name, data]) => analytics.upsertJobScheduler(id, { pattern, tz }, { name, data, opts: { attempts: 3, ...keep } })),
);
planned.then(
  () => console.log("ready"),
  (error) => console.error(`the schedules are not made: ${error.message}`),
);

let stopping = false;
async function stop() {
  if (stopping) return;
  stopping = true;
  // What runs has a second; what is left then is taken up again by whoever comes next, when its lock has ended.
  setTimeout(() => process.exit(0), 1_000).unref();
  await Promise.allSettled([...workers, ...queues, analytics].map((one) => one.close()));
  process.exit(0);
}
process.on("SIGTERM", stop);
process.on("SIGINT", stop);
process.stdin.on("end", stop).resume();
