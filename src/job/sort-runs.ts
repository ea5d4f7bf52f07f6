import type { Lock, OpenRun } from '../ports/journal.ts';
import { whileHeld } from './held-journal.ts';
import type { JobSpec } from './job-spec.ts';
import { RunJournal } from './journal.ts';
import type { BackupResult } from './journal-records.ts';
import { isAboutToBeJoined, isReadNoMore, readersOf } from './members.ts';
import { readJournal } from './open-plans.ts';
import type { JobPorts } from './ports.ts';
import { areFellows, isOtherRun, type ProductRun } from './product-run.ts';
import type { RunState } from './run-state.ts';

/** A post hook, as far as it matters which runs are its own. */
interface Caller {
  readonly ports: JobPorts;
  readonly spec: JobSpec;
  readonly context: ProductRun | undefined;
}

export interface OwnRun {
  readonly runId: string;
  readonly handedOver: boolean;
}

/** A run that other calls of the same run of the product read, or may still join. */
export interface LeftRun {
  readonly runId: string;
  readonly readers: readonly string[];
}

/** The open runs of a job, as the post hook that came has to do with them. */
export interface SortedRuns {
  readonly own: readonly OwnRun[];
  /** Of other runs of the product. */
  readonly others: readonly string[];
  readonly leftToOthers: readonly LeftRun[];
  /** This call reads one of them. */
  readonly hasOwnReading: boolean;
  /** Nobody reads one of them any more, but a hook at work may be about to join it. */
  readonly isAwaited: boolean;
}

/** What cannot be read, or says nothing, is ours to end. */
export async function sortRuns({ ports, spec, context }: Caller, open: readonly OpenRun[]): Promise<SortedRuns> {
  const own: OwnRun[] = [];
  const others: string[] = [];
  const leftToOthers: LeftRun[] = [];
  const caller = context?.member?.name ?? '';
  let hasOwnReading = false;
  let isAwaited = false;
  for (const { runId } of open) {
    const state = await readJournal(ports, runId).then(
      (journal) => journal.state,
      () => undefined,
    );
    const handedOver = state?.handedOverAt !== undefined;
    if (isOtherRun(state?.context, context)) others.push(runId);
    else if (state && handedOver && isOfOtherCalls(state, context)) {
      const readers = readersOf(state);
      hasOwnReading ||= isReader(state, context);
      if (state.releasing || isReadNoMore(state, ports.clock.now())) {
        own.push({ runId, handedOver });
        isAwaited ||= !state.releasing && (await isAboutToBeJoined(ports, spec.name, state, caller));
      } else if (areFellows(state.context, context)) leftToOthers.push({ runId, readers });
      else others.push(runId);
    } else own.push({ runId, handedOver });
  }
  return { own, others, leftToOthers, hasOwnReading, isAwaited };
}

/** Several calls read it, and who asks is one call of the same product: it ends no more than its own part. */
const isOfOtherCalls = ({ members, context: opener }: RunState, context: ProductRun | undefined): boolean =>
  members.length > 0 && context?.member !== undefined && opener?.integration === context.integration;

const isReader = (state: RunState, context: ProductRun | undefined): boolean =>
  areFellows(state.context, context) &&
  state.members.some(({ name, hasLeft }) => name === context?.member?.name && !hasLeft);

/** Journals that this call has ended. True: it was a reader of a run. */
export async function leaveRuns(
  { ports, spec, context, result }: Caller & { readonly result: BackupResult },
  lock: Lock,
): Promise<boolean> {
  const name = context?.member?.name;
  if (name === undefined) return false;
  let hasLeft = false;
  for (const { runId } of await ports.journals.openRuns(spec.name)) {
    const state = await readJournal(ports, runId).then(
      (journal) => journal.state,
      () => undefined,
    );
    if (!state || state.handedOverAt === undefined || state.releasing || !isReader(state, context)) continue;
    const journal = await RunJournal.load(whileHeld(await ports.journals.open(runId), lock), ports.clock);
    await journal.append({ kind: 'left', data: { member: name, ...(result !== 'unknown' && { result }) } });
    hasLeft = true;
  }
  return hasLeft;
}
