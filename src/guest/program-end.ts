import type { Clock } from '../ports/clock.ts';
import type { GuestOperations } from '../ports/guest-operations.ts';

/** Between two questions by guest operations; each is a round trip through vCenter, ESXi and VMware Tools. */
export const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1000;
/** A question whose answer is lost is asked again as often. */
export const LOST_ANSWERS = 3;

export const nextPauseMs = (pauseMs: number): number => Math.min(2 * pauseMs, LONGEST_PAUSE_MS);

/** Asks for the end of a program, at first often: its exit code, undefined when the guest does not know of the program any more. */
export async function programEnd(
  { operations, clock }: { readonly operations: GuestOperations; readonly clock: Clock },
  processId: number,
  signal: AbortSignal,
): Promise<number | undefined> {
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = nextPauseMs(pauseMs)) {
    const [program] = await operations.programs([processId], signal);
    if (program?.kind !== 'running') return program?.kind === 'ended' ? program.exitCode : undefined;
    await clock.sleep(pauseMs, signal);
  }
}
