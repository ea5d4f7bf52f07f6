import { SnaphookError } from '../../ports/errors.ts';
import { withDeadline } from '../deadline.ts';
import type { EventOf } from './helper-facts.ts';
import { commandLine } from './helper-lines.ts';
import { type SessionParts, troubleSince } from './session-parts.ts';

/** How long writers may take to note the end of a copy backup. */
const COMPLETE_LIMIT_MS = 30_000;

/** How often receiving starts again for the verdict when the connection breaks. */
const RECEPTIONS = 3;

/** Waits for the last word on the snapshot set, over a new connection when the receiving one broke. */
export async function vssVerdict(
  parts: SessionParts,
  since: number,
  signal: AbortSignal,
): Promise<EventOf<'finished'> | EventOf<'failed'>> {
  const { channel, facts } = parts;
  for (let reception = 0; ; reception += 1) {
    const asked = facts.count;
    if (facts.lost !== undefined && reception < RECEPTIONS) {
      await channel.receiveAgain();
      await channel.sendUrgently(commandLine({ command: 'status' }), 0);
    }
    const canTryAgain = reception + 1 < RECEPTIONS;
    const heard = await facts.waitFor(() => {
      // Of two words that do not fit together the worse one counts.
      const said = facts.last('failed', since) ?? facts.last('finished', since);
      if (said) return said;
      // Events come in order: a phase after the hold, told without the verdict before it, means that the verdict was lost.
      const phase = facts.last('status', asked)?.phase;
      if (facts.last('aborted', since) || phase === 'idle' || phase === 'finished') return lostVerdict(parts);
      if (facts.lost !== undefined && canTryAgain) return 'lost';
      return troubleSince(parts, since);
    }, signal);
    if (heard instanceof SnaphookError) throw heard;
    if (heard !== 'lost') return heard;
  }
}

const lostVerdict = ({ context }: SessionParts): SnaphookError =>
  new SnaphookError('E_GUEST', `the verdict of VSS in guest "${context.name}" was lost`, {
    hint: 'The guest writes again, but how the freeze ended is not known; start the job again for a proven one.',
  });

/**
 * Tells the writers at once that a copy backup is complete, or aborted: it truncates no log and starts no chain, and they
 * need not wait for its end. What comes of it changes nothing in the captured data, so trouble here is no error.
 */
export async function endCopyBackup(parts: SessionParts, success: boolean, signal: AbortSignal): Promise<void> {
  const { clock, channel, facts } = parts;
  const since = facts.count;
  const late = () => new Error('the end of the backup was not confirmed');
  const told = () => facts.last('completed', since) ?? facts.last('aborted', since) ?? troubleSince(parts, since);
  try {
    await channel.send(commandLine(success ? { command: 'complete', success } : { command: 'abort' }));
    await withDeadline(clock, COMPLETE_LIMIT_MS, signal, late, (limited) => facts.waitFor(told, limited));
  } catch {
    // The session ends next, and that tells the writers as well.
  }
}
