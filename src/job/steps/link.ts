import type { Clock } from '../../ports/clock.ts';
import { SnaphookError } from '../../ports/errors.ts';
import { nextLookMs } from '../../ports/polling.ts';
import type { DevicePair, StorageArray } from '../../ports/storage-array.ts';
import { withinLimit } from '../deadline.ts';
import { devicesOf, pairsOf } from '../plan.ts';
import { defineWaitMs } from '../run-time.ts';
import type { Run, Step } from '../step.ts';
import { snapshotResultOf } from '../step-results.ts';
import { refuseWhileMounted } from './mounted-copy.ts';

export interface LinkResult {
  readonly pairs: readonly DevicePair[];
}

/** Effect: every source's point in time is shown by its target. */
export const linkStep: Step<LinkResult> = {
  name: 'link',
  repeatable: true,
  settles: true,

  async do(run, signal) {
    const { snapshotName: name } = run.plan;
    await run.array.link(
      { name, snapId: snapshotResultOf(run.journal.state)?.snapId, pairs: pairsOf(run.plan) },
      signal,
    );
    return { pairs: pairsOf(run.plan) };
  },

  async probe(run, signal) {
    const missing = await unlinkedPairs(run, signal);
    return missing.length === 0 ? { found: 'done', result: { pairs: pairsOf(run.plan) } } : { found: 'not-done' };
  },

  async undo(run, signal) {
    refuseWhileMounted(run);
    const snapshot = snapshotResultOf(run.journal.state);
    // Without a journaled snapshot there is no id to name: the undo of `capture` looks for links and removes them.
    if (snapshot) await unlinkPairs(run, snapshot.snapId, pairsOf(run.plan), signal);
  },
};

/**
 * Asked when the last byte was read: does the array still show every source linked to its target? Unisphere's view may lag
 * behind the array, so a link that is not shown is looked for again while the array settles; for the same reason an unlink by
 * somebody else in the last seconds may go unseen.
 */
export async function requireLinks(run: Run, signal: AbortSignal): Promise<void> {
  const [missing] = await unlinkedPairs(run, signal);
  if (!missing) return;
  const message = `target "${missing.target}" is not linked to snapshot "${run.plan.snapshotName}" of source "${missing.source}"`;
  throw new SnaphookError('E_ARRAY', message, {
    hint: 'Somebody unlinked it while it was read, or the array ended the link. Look at it in Unisphere, then run the job again.',
  });
}

async function unlinkedPairs(run: Run, signal: AbortSignal): Promise<readonly DevicePair[]> {
  const { clock } = run.ports;
  const sinceMs = clock.monotonicMs();
  for (;;) {
    const found = await run.array.findSnapshots({ name: run.plan.snapshotName, devices: devicesOf(run.plan) }, signal);
    const missing = pairsOf(run.plan).filter(
      ({ source, target }) =>
        !found.some(
          (snapshot) => snapshot.source === source && snapshot.linkedTargets.some((link) => link.target === target),
        ),
    );
    const waitedMs = clock.monotonicMs() - sinceMs;
    const pauseMs = nextLookMs(waitedMs);
    if (missing.length === 0 || waitedMs + pauseMs > run.plan.spec.limits.settleMs) return missing;
    await clock.sleep(pauseMs, signal);
  }
}

export async function unlinkPairs(
  run: Run,
  snapId: number | undefined,
  pairs: readonly DevicePair[],
  signal: AbortSignal,
): Promise<void> {
  const { snapshotName: name, spec } = run.plan;
  await unlinkTargets(
    { clock: run.ports.clock, array: run.array },
    { name, snapId, pairs },
    defineWaitMs(run.ports.clock, spec.limits, run.endsAtMs),
    signal,
  );
}

/**
 * Waits this long for the array to define the targets where it has to, not above 0: not at all; then forces, because targets are
 * scratch and are thrown away.
 */
export async function unlinkTargets(
  { clock, array }: { readonly clock: Clock; readonly array: StorageArray },
  links: { readonly name: string; readonly snapId: number | undefined; readonly pairs: readonly DevicePair[] },
  defineMs: number,
  signal: AbortSignal,
): Promise<void> {
  const force = () => array.unlink({ ...links, force: true }, signal);
  if (defineMs <= 0) return force();
  const message = `targets of snapshot "${links.name}" are not defined yet`;
  try {
    await withinLimit(clock, { durationMs: defineMs, code: 'E_DEADLINE', message }, signal, (limit) =>
      array.unlink({ ...links, force: false }, limit),
    );
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof SnaphookError) || error.code !== 'E_DEADLINE') throw error;
    await force();
  }
}
