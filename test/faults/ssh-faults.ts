import type { Lab } from '../../src/lab/lab.ts';
import type { FaultAction } from '../../src/lab/world/faults.ts';
import type { CallFaultName } from './fault-kinds.ts';

/** Longer than a timer's grain: the effect comes when nobody waits for it any more. */
const LATE_MS = 100;
const EBUSY = 16;

/** Commands of the helper that it may answer with `failed`. */
const COMMANDS = ['facts', 'prepare', 'filesystem', 'ready', 'freeze'];
/** They change nothing in the guest that could be there without their answer. */
const WITHOUT_EFFECT = ['connect', 'open channel'];

export const isSshFault = (fault: CallFaultName, operation: string): boolean =>
  answerTo(fault, operation) !== undefined;

/**
 * What a fault is on SSH and in the words of the freeze helper; undefined: it has no meaning there. `end`: the guest ends its
 * connections in good order. SSH has no word for "busy" and
 * none for "done, and yet an error"; nobody can refuse a release byte, `status`, `abort` and `quit`.
 */
function answerTo(fault: CallFaultName, operation: string): FaultAction | 'end' | undefined {
  const hasEffect = !WITHOUT_EFFECT.includes(operation);
  switch (fault) {
    case 'refused':
    case 'refused for good':
      return refusal(operation);
    case 'busy':
      if (operation === 'connect') return answer('Exceeded MaxStartups');
      return operation === 'freeze' ? failed('freeze', 'cannot be frozen', EBUSY) : undefined;
    case '503 after the effect':
      return COMMANDS.includes(operation) || operation.startsWith('exec ')
        ? failed('idle', 'cannot go on: Input/output error')
        : undefined;
    case 'timeout before the effect':
    case 'hangs for ever':
      return { do: 'hang' };
    case 'timeout after the effect':
      return hasEffect ? { do: 'hang' } : undefined;
    case 'effect after the timeout':
      return hasEffect && operation !== 'login' ? { do: 'late', afterMs: LATE_MS } : undefined;
    case 'dropped before the effect':
    case 'unreachable':
      return { do: 'drop' };
    case 'dropped after the effect':
      return hasEffect ? { do: 'drop' } : undefined;
    // The guest ends the connection in good order, as when its sshd is stopped while the call is at work.
    case 'session ended':
      return operation === 'connect' ? undefined : 'end';
    // The account is locked: its connections are ended, and it gets no other one.
    case 'credentials refused':
      if (operation === 'login') return answer('');
      return operation === 'connect' ? undefined : 'end';
  }
}

/** What the lab does to this call. */
export function sshAction(fault: CallFaultName, operation: string, lab: Lab): FaultAction | undefined {
  const action = answerTo(fault, operation);
  return action === 'end' ? { do: 'call', run: () => lab.linuxGuest.endConnections() } : action;
}

/** What the calls after it meet when the fault lasts: everything alike, but a locked account is met at the login alone. */
export function lastingSshAction(fault: CallFaultName, operation: string, lab: Lab): FaultAction | undefined {
  if (fault === 'credentials refused' && operation !== 'login') return undefined;
  return sshAction(fault, operation, lab);
}

export const SSH_OPERATIONS = [
  'connect',
  'login',
  'open channel',
  'exec serve',
  'exec release',
  ...COMMANDS,
  'release',
  'status',
  'abort',
  'quit',
] as const;

function refusal(operation: string): FaultAction | undefined {
  if (operation === 'connect') return answer('Not allowed at this time');
  if (operation === 'login' || operation === 'open channel') return answer('');
  // sudo says why on the other stream.
  if (operation === 'exec serve') return answer('');
  if (operation === 'exec release' || COMMANDS.includes(operation)) return failed('idle', 'cannot be done');
  return undefined;
}

/** `status` is the exit code where a program is asked for. */
const answer = (body: string): FaultAction => ({ do: 'answer', status: 1, body });

const failed = (phase: string, message: string, errno = 0): FaultAction =>
  answer(JSON.stringify({ event: 'failed', phase, object: '', message, errno, scripts: [] }));
