"""The real BullMQ for Python: writes jobs of every kind and tells what it counts itself, as library.mjs does.

Arguments: port of Redis, prefix.
"""

import asyncio
import json
import sys

from bullmq import Job, Queue, Worker

PORT, PREFIX = int(sys.argv[1]), sys.argv[2]
CONNECTION = {"host": "127.0.0.1", "port": PORT}
KINDS = ["waiting", "prioritized", "active", "delayed", "completed", "failed"]


def queue(name):
    return Queue(name, {"connection": CONNECTION, "prefix": PREFIX})


def row(job, state):
    attempts = job.opts.get("attempts", 0)
    return {
        "id": job.id,
        "name": job.name,
        "state": state,
        "data": json.dumps(job.data, separators=(",", ":"), allow_nan=False),
        "priority": job.priority or job.opts.get("priority", 0),
        "attempts": job.attemptsMade,
        "attemptsMax": attempts if attempts > 0 else None,
        "timestamp": job.timestamp,
        "processedOn": job.processedOn,
        "finishedOn": job.finishedOn,
        "due": job.timestamp + job.delay if state == "delayed" else None,
        "reason": job.failedReason,
        "stacks": job.stacktrace or [],
        "delay": job.opts.get("delay", 0),
    }


async def tell(name):
    at = queue(name)
    jobs = {}
    for kind in KINDS:
        found = await at.getJobs([kind], 0, -1, kind not in ("completed", "failed"))
        jobs[kind] = [row(job, await job.getState()) for job in found]
    told = {
        "counts": await at.getJobCounts(),
        "paused": await at.isPaused(),
        "workers": await at.get_workers_count(),
        "version": None,
        "jobs": jobs,
    }
    await at.close()
    return told


async def fill():
    mail = queue("mail")
    for n in range(1, 4):
        await mail.add(f"mail-{n}", {"n": n})
    await mail.add("later", {"n": 4}, {"delay": 3600000, "attempts": 3})
    for priority in (7, 2, 7):
        await mail.add(f"p{priority}", {"priority": priority}, {"priority": priority})

    done = queue("done")

    async def work(job: Job, token):
        if job.name == "bad":
            raise ValueError(f"no luck with {job.data['n']}")
        return {"sent": job.data["n"]}

    worker = Worker("done", work, {"connection": CONNECTION, "prefix": PREFIX, "name": "snake"})
    for n in range(1, 4):
        await done.add("good", {"n": n})
    await done.add("bad", {"n": 4}, {"attempts": 2})
    while True:
        counts = await done.getJobCounts()
        if counts["completed"] == 3 and counts["failed"] == 1 and counts["active"] == 0:
            break
        await asyncio.sleep(0.01)

    held = queue("held")
    for n in range(1, 4):
        await held.add("held", {"n": n})
    await held.pause()
    await held.add("held", {"n": 4})
    told = {name: await tell(name) for name in ("mail", "done", "held")}
    print(json.dumps({"value": told}), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await worker.close(True)


asyncio.run(fill())
