import { setTimeout as sleepFor } from 'node:timers/promises';

/** Polls until the condition holds; fails when it does not within the deadline. */
export async function until(condition: () => boolean, deadlineMs = 10_000): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`still not so after ${deadlineMs} ms: ${condition}`);
    await sleepFor(2);
  }
}
