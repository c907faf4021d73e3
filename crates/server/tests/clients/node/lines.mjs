// A test in Rust speaks with a client by lines of JSON: a question on standard input, its answer on standard output, in order.
// Lines with "event" come by themselves.

import { createInterface } from 'node:readline';

export function tell(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

export async function answer(questions) {
  tell({ ready: true });
  for await (const line of createInterface({ input: process.stdin })) {
    const { ask, ...given } = JSON.parse(line);
    try {
      tell((await questions[ask](given)) ?? {});
    } catch (fault) {
      tell({ fault: String(fault?.stack ?? fault) });
    }
  }
}

// What OpenFeature calls the details of an evaluation.
export function details({ value, reason, variant, errorCode, errorMessage, flagMetadata }) {
  return { value, reason, variant, errorCode, errorMessage, flagMetadata };
}
