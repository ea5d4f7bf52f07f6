import { win32 } from 'node:path';
import type { Clock } from '../../../ports/clock.ts';
import { SnaphookError } from '../../../ports/errors.ts';
import type { GuestOperations } from '../../../ports/guest-operations.ts';
import { FIRST_PAUSE_MS, nextPauseMs } from '../../program-end.ts';

/** One Windows guest by guest operations, for one session with it. */
export interface GuestOperationsWay {
  /** Of the guest, for messages. */
  readonly name: string;
  readonly operations: GuestOperations;
  readonly clock: Clock;
  /** The guest takes the account; resolves as `GuestOperations.login` does. */
  login(signal: AbortSignal): Promise<string | undefined>;
}

const PREFIX = 'snaphook-';
/** A scanner of the guest may have a file of it open for a moment. */
const REMOVAL_TRIES = 5;

/**
 * A folder for one session, among the temporary files of the account.
 * @throws SnaphookError `E_GUEST` for one that could not be removed, or be named to `cmd.exe`: it stays, empty.
 */
export async function makeSessionFolder(
  { name, operations }: GuestOperationsWay,
  signal: AbortSignal,
): Promise<string> {
  // Whoever joins the temporary folder of an account and a name may write a separator twice.
  const folder = win32.normalize(await operations.makeFolder({ parent: undefined, prefix: PREFIX }, signal));
  // `cmd.exe` expands variables also between quotes.
  if (isOfSession(folder) && !/["%\r\n]/.test(folder)) return folder;
  throw new SnaphookError('E_GUEST', `guest "${name}" made folder "${folder}", which no session can work with`, {
    hint: 'Give the account of the configuration a temporary folder on a local drive, without % in its path. Then remove this one.',
  });
}

const isOfSession = (folder: string): boolean =>
  /^[A-Za-z]:\\/.test(folder) && win32.basename(folder).startsWith(PREFIX) && win32.normalize(folder) === folder;

/** Success when there is none. @throws SnaphookError, also for a folder whose name is not one of ours. */
export async function removeSessionFolder(
  { name, operations, clock }: GuestOperationsWay,
  folder: string,
  signal: AbortSignal,
): Promise<void> {
  // The name comes from a guest or a journal.
  if (!isOfSession(folder)) {
    throw new SnaphookError('E_GUEST', `folder "${folder}" in guest "${name}" is no session of snaphook`, {
      hint: 'The record of the session is damaged, or of another version. See in the guest what the folder is.',
    });
  }
  let pauseMs = FIRST_PAUSE_MS;
  for (let tries = 1; ; tries += 1) {
    try {
      return await operations.deleteFolder(folder, signal);
    } catch (thrown) {
      const isBusy = thrown instanceof SnaphookError && thrown.code === 'E_GUEST';
      if (!isBusy || tries >= REMOVAL_TRIES) throw thrown;
    }
    await clock.sleep(pauseMs, signal);
    pauseMs = nextPauseMs(pauseMs);
  }
}
