import { SnaphookError } from '../../../ports/errors.ts';
import { GuestFileNotFound } from '../../../ports/guest-operations.ts';
import { FIRST_PAUSE_MS, nextPauseMs } from '../../program-end.ts';
import { commandLine } from '../helper-lines.ts';
import { RELEASE_BYTE } from '../vss-helper-protocol.ts';
import { type GuestOperationsWay, removeSessionFolder } from './way.ts';

/** What names a session of the helper in the guest from outside: `snaphook-vss hold NAME` with its file in the folder. */
export interface HeldSession {
  readonly helperPath: string;
  /** 32 hex digits. */
  readonly session: string;
  readonly folder: string;
}

/** A helper that was told to end and does not is terminated. */
const QUIT_MS = 4000;
const TERMINATE_MS = 8000;

const LETTING_GO = Buffer.concat([Buffer.from([RELEASE_BYTE]), commandLine({ command: 'quit' })]);

/** The program that brings bytes to the input of a session. */
export const tellProgram = ({ helperPath, session }: Pick<HeldSession, 'helperPath' | 'session'>, bytes: Buffer) => ({
  path: helperPath,
  arguments: `tell ${session} ${bytes.toString('hex')}`,
});

/**
 * Ends a session whatever it does, and removes its folder: it is told to let go and to end, and terminated when it does not.
 * `released`: its helper ended as it was told to. Success when there is none.
 * @throws SnaphookError, or the signal's reason; then something may be left.
 */
export async function endHeldSession(
  way: GuestOperationsWay,
  held: HeldSession,
  signal: AbortSignal,
): Promise<'released' | 'ended'> {
  await way.operations.start(tellProgram(held, LETTING_GO), signal).catch((thrown: unknown) => {
    // A helper whose file was renamed meanwhile is found by its session.
    if (!(thrown instanceof GuestFileNotFound)) throw thrown;
  });
  return await clearHeldSession(way, held, signal);
}

/** The same of a session that was told to end, or has ended. */
export async function clearHeldSession(
  way: GuestOperationsWay,
  held: HeldSession,
  signal: AbortSignal,
): Promise<'released' | 'ended'> {
  const { name, operations, clock } = way;
  const sinceMs = clock.monotonicMs();
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = nextPauseMs(pauseMs)) {
    const holds = await operations.programsWith(`hold ${held.session}`, signal);
    const running = holds.filter(({ program }) => program.kind === 'running');
    if (running.length === 0) {
      // What waited for a freeze that never came.
      await terminateAll(await operations.programsWith(`await ${held.session}`, signal));
      await removeSessionFolder(way, held.folder, signal);
      return holds.some(({ program }) => program.kind === 'ended' && program.exitCode === 0) ? 'released' : 'ended';
    }
    const waitedMs = clock.monotonicMs() - sinceMs;
    if (waitedMs >= TERMINATE_MS) throw notEnded(name, held);
    if (waitedMs >= QUIT_MS) await terminateAll(running);
    await clock.sleep(pauseMs, signal);
  }

  async function terminateAll(programs: Awaited<ReturnType<typeof operations.programsWith>>): Promise<void> {
    for (const { processId, program } of programs) {
      if (program.kind === 'running') await operations.terminate(processId, signal);
    }
  }
}

const notEnded = (name: string, { helperPath, session }: HeldSession): SnaphookError =>
  new SnaphookError('E_GUEST', `"${helperPath}" hold ${session} did not end in guest "${name}"`, {
    hint: 'End it in the guest: Get-Process snaphook-vss | Stop-Process.',
    effect: 'unknown',
  });
