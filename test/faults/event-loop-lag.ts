/**
 * How late the timers of this process came: the lab lives in it, and a guest of the lab whose timer is late is held for longer than
 * its lease on a busy machine.
 */
const EVERY_MS = 5;
const REMEMBERED = 1000;
const late: { readonly atMs: number; readonly lagMs: number }[] = [];
let expectedAtMs = performance.now() + EVERY_MS;

setInterval(() => {
  const atMs = performance.now();
  const lagMs = atMs - expectedAtMs;
  expectedAtMs = atMs + EVERY_MS;
  if (lagMs < EVERY_MS) return;
  late.push({ atMs, lagMs });
  if (late.length > REMEMBERED) late.shift();
}, EVERY_MS).unref();

/** The longest since then. */
export function longestLagMs(sinceMs: number): number {
  const lags = late.filter(({ atMs }) => atMs >= sinceMs).map(({ lagMs }) => lagMs);
  return Math.max(0, performance.now() - expectedAtMs, ...lags);
}
