import { SnaphookError } from '../../src/ports/errors.ts';
import { diskFault, watchWrites } from './disk-writes.ts';
import type { FaultSite } from './fault-site.ts';
import { type Recovery, recover } from './run-case.ts';
import { lookBefore, verdictOn } from './verdict.ts';

/** Two parts of undoing that do not depend on each other, and fail together until the fault is healed. */
export type UndoPair = readonly [UndoOperation, UndoOperation];
type UndoOperation = 'PUT storagegroup' | 'PUT private/snapshot Unlink' | 'DELETE private/snapshot';

export interface TwoFaultsResult {
  /** The coded error of the hook; undefined when it succeeded. */
  readonly error: SnaphookError | undefined;
  /** What the lab answered with: each must be in the error and in the list of `status`. */
  readonly messages: readonly string[];
  /** The last error of undoing each step, as the journal holds it. */
  readonly undoErrors: readonly string[];
  /** As `snaphook status` lists them. */
  readonly listedErrors: readonly string[];
  readonly problems: readonly string[];
}

const messageOf = (operation: UndoOperation): string => `The device is reserved for ${operation.replace(/\W+/g, '-')}`;

/** The post hook meets both faults. */
export async function twoFaultsInPost(site: FaultSite, pair: UndoPair, recovery: Recovery): Promise<TwoFaultsResult> {
  await site.calmPre();
  refuseAll(site, pair);
  return runWithFaults(site, 'post', pair.map(messageOf), recovery);
}

/** The pre hook fails for a full disk, and both faults meet its undo: three errors. */
export async function twoFaultsInUndoOfPre(
  site: FaultSite,
  pair: UndoPair,
  recovery: Recovery,
): Promise<TwoFaultsResult> {
  // The first write tries the folder, the second is that of an image.
  const writes = watchWrites(site.lab.directory, diskFault('export write', 2, 'disk full'));
  const stop = site.lab.events.onEvent(({ system, kind, operation }) => {
    if (system !== 'array' || kind !== 'answer' || operation !== 'PUT storagegroup') return;
    stop();
    refuseAll(site, pair);
  });
  try {
    return await runWithFaults(site, 'pre', [...pair.map(messageOf), 'no space left'], recovery);
  } finally {
    writes.end();
  }
}

function refuseAll({ lab }: FaultSite, pair: UndoPair): void {
  for (const operation of pair) {
    const body = JSON.stringify({ message: messageOf(operation) });
    lab.faults.add({ system: 'array', operation, when: 'before', action: { do: 'answer', status: 400, body } });
  }
}

async function runWithFaults(
  site: FaultSite,
  hook: 'pre' | 'post',
  messages: readonly string[],
  recovery: Recovery,
): Promise<TwoFaultsResult> {
  const before = lookBefore(site);
  const error = await (hook === 'pre' ? site.pre() : site.post()).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  const [run] = await site.openRuns();
  site.lab.faults.clear();
  const atRecovery = await recover(site, recovery);
  const step = { hook, system: 'array', operation: '', nth: 1 } as const;
  const verdict = await verdictOn(site, before, step, true);
  return {
    error: error instanceof SnaphookError ? error : undefined,
    messages,
    undoErrors: run?.undoErrors ?? [],
    listedErrors: run?.errors ?? [],
    problems: [...atRecovery, ...verdict.problems],
  };
}
