import { SnaphookError } from '../../../src/ports/errors.ts';
import type { Guests } from '../../../src/ports/guest.ts';
import type { HookProcess } from '../hook-process.ts';
import type { Random } from '../random.ts';
import { DiskshadowGuest } from './diskshadow-guest.ts';
import type { DiskshadowMachine } from './diskshadow-machine.ts';
import { LinuxGuest } from './linux-guest.ts';
import type { LinuxMachine } from './linux-machine.ts';
import { CALL_TIMEOUT_MS } from './simulated-guest.ts';
import { WindowsGuest } from './windows-guest.ts';
import type { WindowsMachine } from './windows-machine.ts';

export type SimulatedMachine = WindowsMachine | DiskshadowMachine | LinuxMachine;

const unreachable = () =>
  new SnaphookError('E_GUEST_UNREACHABLE', 'the connection to the guest broke', { effect: 'unknown' });

/** Guests as their adapters give them to one process. `onConnection` is told of every connection that is opened. */
export function simulatedGuests(
  process: HookProcess,
  random: Random,
  machines: readonly SimulatedMachine[],
  onConnection: () => void = () => undefined,
): Guests {
  const find = (name: string) => machines.find((machine) => machine.name === name);
  const machineOf = (name: string) => {
    const machine = find(name);
    if (!machine) throw new SnaphookError('E_CONFIG', `there are no guest settings for VM "${name}"`);
    return machine;
  };
  return {
    waysFor: ({ name }) => {
      const strategy = find(name)?.strategy;
      return strategy ? [{ strategy, leaseMs: undefined }] : [];
    },
    open({ name }) {
      const machine = machineOf(name);
      const parts = { process, random, onConnection };
      if (machine.strategy === 'linux-fsfreeze') return new LinuxGuest({ ...parts, machine });
      if (machine.strategy === 'vss-diskshadow') return new DiskshadowGuest({ ...parts, machine });
      return new WindowsGuest({ ...parts, machine });
    },
    async closeLeftover({ name }, { resume: { shellId, token, shadowFolder, shadowSet } }, signal) {
      const id = shellId ?? token ?? shadowFolder;
      if (id === undefined) return;
      const machine = machineOf(name);
      await process.call({
        name: 'guest.closeLeftover',
        signal,
        latencyMs: random.latency(80, 3000),
        effect: () => {
          if (machine.strategy === 'vss-diskshadow') machine.cleanUp(id, shadowSet);
          else machine.endSession(id);
        },
        errors: { lost: unreachable },
        timeoutMs: CALL_TIMEOUT_MS,
      });
    },
  };
}
