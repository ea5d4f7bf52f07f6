import type { Clock } from '../../ports/clock.ts';
import { SnaphookError } from '../../ports/errors.ts';
import type { EndedBackup, ParkedBackup } from '../../ports/guest.ts';
import { withDeadline } from '../deadline.ts';
import type { GuestContext } from './guest-context.ts';
import { guestError, wrongProtocol } from './guest-errors.ts';
import { HelperFacts } from './helper-facts.ts';
import { commandLine } from './helper-lines.ts';
import { helloOf } from './prepare-guest.ts';
import { type SessionParts, troubleSince, writersSeen } from './session-parts.ts';
import { type HelperCommand, VSS_HELPER_PROTOCOL } from './vss-helper-protocol.ts';

/** VSS_E_OBJECT_NOT_FOUND: the guest has no set of that name. */
const NO_SUCH_SET = '0x80042308';

/** Takes a parked full backup up again, in a helper of its own, and tells its writers how it ended. */
export async function endBackup(
  context: GuestContext,
  clock: Clock,
  backup: ParkedBackup & { readonly success: boolean },
  signal: AbortSignal,
): Promise<EndedBackup> {
  const facts = new HelperFacts();
  const parts: SessionParts = { context, clock, facts, channel: context.settings.access.openHelper(facts) };
  try {
    // Nothing of this session needs to be found again: it holds nothing, and without us it ends by its idle time.
    await parts.channel.start(context.settings.helperPath, async () => undefined, signal);
    const hello = await helloOf(parts, signal);
    if (hello.protocol !== VSS_HELPER_PROTOCOL) throw wrongProtocol(context, hello);
    // Another start of the guest, or another guest under its address.
    if (backup.bootId !== undefined && hello.bootId !== backup.bootId) return { kind: 'lost' };
    const resumed = await ask(parts, { command: 'resume', set: backup.runId }, 'resumed', signal);
    if (resumed === 'lost') return { kind: 'lost' };
    const completed = await ask(parts, { command: 'complete', success: backup.success }, 'completed', signal);
    if (completed === 'lost') return { kind: 'lost' };
    return { kind: 'ended', writers: writersSeen(parts, completed.writers) };
  } catch (thrown) {
    throw guestError(context, thrown, 'unknown');
  } finally {
    await leave(parts);
  }
}

async function ask<Name extends 'resumed' | 'completed'>(
  parts: SessionParts,
  command: HelperCommand,
  answer: Name,
  signal: AbortSignal,
) {
  const { channel, facts } = parts;
  const since = facts.count;
  await channel.send(commandLine(command));
  const said = await facts.waitFor(() => {
    if (facts.last('failed', since)?.result === NO_SUCH_SET) return 'lost' as const;
    return facts.last(answer, since) ?? troubleSince(parts, since);
  }, signal);
  if (said instanceof SnaphookError) throw said;
  return said;
}

/** What is not ended in time ends with its idle time. */
async function leave({ channel, clock, context }: SessionParts): Promise<void> {
  const late = () => new Error('the session did not end in time');
  const dispose = (limit: AbortSignal) => channel.dispose(limit);
  await withDeadline(clock, context.settings.closeTimeoutMs, undefined, late, dispose).catch(() => undefined);
}
