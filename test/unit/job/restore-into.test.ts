import type { RunJournal } from '../../../src/job/journal.ts';
import type { JobPorts } from '../../../src/job/ports.ts';
import { attachDisks } from '../../../src/job/restore-into.ts';
import type { VmCondition } from '../../../src/ports/hypervisor.ts';
import { instanceUuid, moRef } from '../../../src/ports/identity.ts';
import { QUIET_VM } from '../../contract/quiet-conditions.ts';
import { ManualClock } from './manual-clock.ts';

const never = new AbortController().signal;
const INTO = {
  moRef: moRef('vm-1'),
  name: 'web01',
  instanceUuid: instanceUuid('50aa0000-0000-4000-8000-000000000001'),
};
const MADE = moRef('vm-2');
const MINUTE_MS = 60_000;

/** Disks are given to a VM that is in this condition at first. */
function giving(first: Partial<VmCondition>) {
  const clock = new ManualClock();
  const world = {
    condition: { ...QUIET_VM, ...first },
    did: [] as string[],
    isHeld: false,
    error: undefined as unknown,
  };
  const ports = {
    clock,
    reporter: { info: () => undefined, warn: () => undefined, progress: () => undefined },
    locks: {
      acquire: async () => {
        world.isHeld = true;
        const release = async () => {
          world.isHeld = false;
        };
        return { lost: never, release };
      },
    },
    hypervisor: {
      findVms: async () => [[{ ...INTO, template: false, connected: true, disks: [], condition: world.condition }]],
    },
    vmImport: {
      attach: async () => void world.did.push('attach'),
      detach: async () => void world.did.push('detach'),
    },
  } as unknown as JobPorts; // of the ports, those that this step uses
  const journal = { append: async ({ kind }: { kind: string }) => void world.did.push(kind) } as unknown as RunJournal;
  const given = attachDisks(ports, INTO, { journal, files: ['[ds1] a.vmdk'], made: MADE }, never).catch((error) => {
    world.error = error;
  });
  return { world, clock, given };
}

const PASSING: readonly [string, Partial<VmCondition>][] = [
  ['is worked on', { tasks: [{ id: 'task-1', kind: 'VirtualMachine.relocate', atWork: true }] }],
  [
    'has a VM snapshot of another backup',
    { snapshots: [{ name: 'backup', createdAtMs: 0 }] as unknown as VmCondition['snapshots'] },
  ],
  ['needs its disks consolidated', { consolidationNeeded: true }],
];

test.each(PASSING)(
  'a VM that %s for some minutes gets the disks after that, and is nobody’s meanwhile',
  async (_what, condition) => {
    const { world, clock, given } = giving(condition);

    await clock.advance(4 * MINUTE_MS);
    expect([world.did, world.isHeld]).toEqual([[], false]);
    world.condition = QUIET_VM;
    await clock.advance(MINUTE_MS);
    await given;
    expect([world.did, world.error]).toEqual([['intent', 'attach', 'detach', 'done'], undefined]);
  },
);

test.each(PASSING)('a VM that %s for more than five minutes gets none', async (_what, condition) => {
  const { world, clock, given } = giving(condition);

  await clock.advance(5 * MINUTE_MS);
  await given;
  expect([world.did, world.isHeld]).toEqual([[], false]);
  expect(world.error).toMatchObject({ code: 'E_VM_CHANGED' });
});

test('a VM that was suspended is not waited for', async () => {
  const { world, clock, given } = giving({ suspended: true });

  await given;
  expect([world.did, clock.monotonicMs()]).toEqual([[], 0]);
  expect(world.error).toMatchObject({ code: 'E_VM_CHANGED' });
});
