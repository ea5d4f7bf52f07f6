import { SnaphookError } from '../../ports/errors.ts';
import type { DevicePair } from '../../ports/storage-array.ts';
import { withinLimit } from '../deadline.ts';
import { captureResultOf } from '../journal.ts';
import { devicesOf, pairsOf } from '../plan.ts';
import { defineWaitMs } from '../run-time.ts';
import type { Run, Step } from '../step.ts';

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
      { name, snapId: captureResultOf(run.journal.state)?.snapId, pairs: pairsOf(run.plan) },
      signal,
    );
    return { pairs: pairsOf(run.plan) };
  },

  async probe(run, signal) {
    const missing = await unlinkedPairs(run, signal);
    return missing.length === 0 ? { found: 'done', result: { pairs: pairsOf(run.plan) } } : { found: 'not-done' };
  },

  async undo(run, signal) {
    const capture = captureResultOf(run.journal.state);
    // Without a journaled snapshot there is no id to name: the undo of `capture` looks for links and removes them.
    if (capture) await unlinkPairs(run, capture.snapId, pairsOf(run.plan), signal);
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
  const untilMs = clock.monotonicMs() + run.plan.spec.limits.settleMs;
  for (let pauseMs = 100; ; pauseMs *= 2) {
    const found = await run.array.findSnapshots({ name: run.plan.snapshotName, devices: devicesOf(run.plan) }, signal);
    const missing = pairsOf(run.plan).filter(
      ({ source, target }) =>
        !found.some(
          (snapshot) => snapshot.source === source && snapshot.linkedTargets.some((link) => link.target === target),
        ),
    );
    if (missing.length === 0 || clock.monotonicMs() + pauseMs > untilMs) return missing;
    await clock.sleep(pauseMs, signal);
  }
}

/**
 * Waits for the array to define the targets where it has to, and as long as the run's deadline lets it; then forces, because
 * targets are scratch and are thrown away.
 */
export async function unlinkPairs(
  run: Run,
  snapId: number | undefined,
  pairs: readonly DevicePair[],
  signal: AbortSignal,
): Promise<void> {
  const { snapshotName: name, spec } = run.plan;
  const force = () => run.array.unlink({ name, snapId, pairs, force: true }, signal);
  const durationMs = defineWaitMs(run.ports.clock, spec.limits, run.endsAtMs);
  if (durationMs <= 0) return force();
  try {
    await withinLimit(
      run.ports.clock,
      { durationMs, code: 'E_DEADLINE', message: `targets of snapshot "${name}" are not defined yet` },
      signal,
      (limit) => run.array.unlink({ name, snapId, pairs, force: false }, limit),
    );
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof SnaphookError) || error.code !== 'E_DEADLINE') throw error;
    await force();
  }
}
