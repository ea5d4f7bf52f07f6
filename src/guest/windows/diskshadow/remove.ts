import { SnaphookError } from '../../../ports/errors.ts';
import type { WindowsCommands } from '../windows-commands.ts';
import { type CopyFacts, copiesOf, fileMadeMs } from './facts.ts';
import { PIPELINES, query } from './query.ts';
import { readOutput } from './script.ts';

/** What a run may have left in its guest. */
export interface ShadowRecord {
  readonly folder: string;
  /** Undefined: it was never told, and the log in the folder may know it. */
  readonly setId: string | undefined;
}

export const scriptFileIn = (folder: string): string => `${folder}\\create.dsh`;
export const logFileIn = (folder: string): string => `${folder}\\create.log`;

/** What was given to `onSession`; undefined: it is of another kind of session. */
export function recordOf({ shadowFolder, shadowSet }: Readonly<Record<string, string>>): ShadowRecord | undefined {
  return shadowFolder === undefined ? undefined : { folder: shadowFolder, setId: shadowSet };
}

/**
 * Ends a diskshadow of the run that still works, removes its set and no other, and then its folder. Success when there is none. Which set is
 * ours only diskshadow says, in its answer or in its log: a copy that nobody told of is left alone. Errors: `E_LEFTOVERS`, also where such a
 * copy may be of the run; `E_GUEST`.
 */
export async function removeShadowCopies(
  guest: string,
  commands: WindowsCommands,
  { folder, setId: told }: ShadowRecord,
  signal: AbortSignal,
): Promise<void> {
  const ask = <Name extends string>(pipelines: Readonly<Record<Name, string>>) =>
    query(commands, guest, pipelines, signal);
  await ask({ ended: PIPELINES.endDiskshadow(folder) });
  const { script, log, copies } = await ask({
    script: PIPELINES.madeAt(scriptFileIn(folder)),
    log: PIPELINES.log(logFileIn(folder)),
    copies: PIPELINES.copies(),
  });
  const logged = readOutput(Buffer.from(String(log[0] ?? ''), 'base64'));
  const setId = told ?? logged.setId;
  const found = copiesOf(guest, copies);
  if (setId === undefined) {
    // Where diskshadow was started and its end is not known, it may have made some.
    const sinceMs = fileMadeMs(guest, script);
    if (sinceMs !== undefined && logged.hresult === undefined) requireNoneSince(guest, found, sinceMs);
  } else if (found.some((copy) => copy.setId === setId)) {
    await ask({ removed: PIPELINES.removeSet(setId) });
    const after = await ask({ copies: PIPELINES.copies() });
    requireNone(
      guest,
      copiesOf(guest, after.copies).filter((copy) => copy.setId === setId),
    );
  }
  await ask({ removed: PIPELINES.removeFolder(folder) });
}

function requireNone(guest: string, left: readonly CopyFacts[]): void {
  if (left.length === 0) return;
  throw new SnaphookError('E_LEFTOVERS', `guest "${guest}" still has shadow copy ${named(left)} of this run`, {
    hint: 'Run `snaphook reap --apply`, or in the guest: vssadmin delete shadows /shadow=<id>',
  });
}

function requireNoneSince(guest: string, copies: readonly CopyFacts[], sinceMs: number): void {
  const since = copies.filter(({ createdAt }) => Date.parse(createdAt) >= sinceMs);
  if (since.length === 0) return;
  throw new SnaphookError('E_LEFTOVERS', `guest "${guest}" has shadow copy ${named(since)}, which may be of this run`, {
    hint:
      'Nothing proves whose it is, so it is left alone. If no other product made it, remove it in the guest: ' +
      'vssadmin delete shadows /shadow=<id>, and run `snaphook reap --apply`.',
  });
}

const named = (copies: readonly CopyFacts[]): string => copies.map(({ id }) => `"${id}"`).join(', ');
