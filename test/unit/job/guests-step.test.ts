import { emptyRunState, type RunState } from '../../../src/job/run-state.ts';
import type { Run } from '../../../src/job/step.ts';
import { guestsStep } from '../../../src/job/steps/guests.ts';
import { SnaphookError } from '../../../src/ports/errors.ts';
import type { BackupEnd, Guest, LeftoverSession } from '../../../src/ports/guest.ts';
import { type InstanceUuid, instanceUuid } from '../../../src/ports/identity.ts';
import { jobSpec } from './job-spec.ts';
import { ManualClock } from './manual-clock.ts';

const uuidOf = (index: number): InstanceUuid => instanceUuid(`00000000-0000-0000-0000-00000000000${index}`);
const CLOCK = new ManualClock();
const { signal } = new AbortController();

interface Change {
  readonly vms: readonly { readonly role: 'selected' | 'neighbour'; readonly freeze: string }[];
  readonly sessions?: RunState['sessions'];
  readonly closeLeftover?: (vm: { readonly name: string }, session: LeftoverSession) => Promise<void>;
}

/** The step needs of its run the VMs, the guests, the sessions in the journal and a clock. */
function runOf({ vms, sessions = [], closeLeftover }: Change) {
  const prepared: (BackupEnd | undefined)[] = [];
  const guest = {
    name: 'guest',
    scriptLimitMs: 0,
    prepare: async ({ backupEnd }: { readonly backupEnd?: BackupEnd }) => void prepared.push(backupEnd),
    quiet: async () => ({}),
    close: async () => 'closed',
  } as unknown as Guest;
  const spec = jobSpec({ outcomeIsTold: true });
  const run = {
    plan: {
      spec,
      context: {},
      vms: vms.map((vm, index) => ({ instanceUuid: uuidOf(index), name: `vm${index}`, disks: [], ...vm })),
    },
    ports: { clock: CLOCK, guests: { open: () => guest, closeLeftover } },
    journal: { state: { ...emptyRunState(), sessions } },
    openGuests: new Map(),
  } as unknown as Run;
  return { run, prepared };
}

test('a neighbour is never prepared for a full backup: it is in no backup that somebody tells the end of', async () => {
  const { run, prepared } = runOf({
    vms: [
      { role: 'selected', freeze: 'vss-provider' },
      { role: 'neighbour', freeze: 'vss-provider' },
    ],
  });

  await guestsStep.do(run, signal);

  expect(prepared).toEqual(['told', 'none']);
});

test('what one guest was left with is ended one after the other, newest first, whatever fails; guests at once', async () => {
  const busy = new Set<string>();
  const order: string[] = [];
  let atOnce = 0;
  const session = (index: number, name: string) => ({ vm: uuidOf(index), resume: { name }, since: CLOCK.now() });
  const { run } = runOf({
    vms: [
      { role: 'selected', freeze: 'vss-diskshadow' },
      { role: 'selected', freeze: 'vss-diskshadow' },
    ],
    sessions: [session(0, 'a folder'), session(0, 'its set'), session(1, 'another folder')],
    closeLeftover: async ({ name: vm }, { resume: { name = '' } }) => {
      expect(busy.has(vm)).toBe(false);
      busy.add(vm);
      order.push(name);
      atOnce = Math.max(atOnce, busy.size);
      await new Promise(setImmediate);
      busy.delete(vm);
      if (name === 'its set') throw new SnaphookError('E_LEFTOVERS', 'guest "vm0" still has its set');
    },
  });

  await expect(guestsStep.undo(run, signal)).rejects.toMatchObject({ code: 'E_LEFTOVERS' });

  expect(order).toEqual(['its set', 'another folder', 'a folder']);
  expect(atOnce).toBe(2);
});
