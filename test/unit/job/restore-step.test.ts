import { DEFAULT_LIMITS, type JobContext } from '../../../src/job/job-spec.ts';
import { RunJournal } from '../../../src/job/journal.ts';
import type { Plan } from '../../../src/job/plan.ts';
import { type Run, runStep } from '../../../src/job/step.ts';
import { restoreStep } from '../../../src/job/steps/restore.ts';
import { undoSteps } from '../../../src/job/undo.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import { SnaphookError } from '../../../src/ports/errors.ts';
import type { VmRecord } from '../../../src/ports/hypervisor.ts';
import { arrayId, deviceId } from '../../../src/ports/identity.ts';
import type { JournalLine } from '../../../src/ports/journal.ts';
import type { RestoreState } from '../../../src/ports/storage-array.ts';
import { failure } from '../../failure.ts';
import { jobSpec } from './job-spec.ts';
import { MemoryArray } from './worlds/memory-array.ts';
import { QUIET } from './worlds/quiet-world.ts';
import { World } from './worlds/world.ts';

const signal = new AbortController().signal;
const SNAPSHOT = 'snaphook-mb3k2j1f-x8q2zk_aaaaaa';
const DEVICES = [deviceId('00311'), deviceId('00312')];

/** A revert of one VM with two disks, up to its plan. */
async function openRevert() {
  const array = new MemoryArray(arrayId('000197900046'));
  for (const source of DEVICES) {
    array.snapshots.push({ name: SNAPSHOT, snapId: 7, source, createdAtMs: 0, targets: new Set() });
  }
  // What the step reads of a VM and of a plan.
  const vm = {
    name: 'db01',
    instanceUuid: 'vm-1',
    poweredOn: false,
    connected: true,
    disks: [],
    condition: { suspended: false, snapshots: [], tasks: [] },
  } as unknown as VmRecord;
  const world = { vm };
  const plan = {
    runId: 'mb3k2j1g-x8q2zk',
    snapshotName: SNAPSHOT,
    spec: jobSpec({ limits: { ...DEFAULT_LIMITS, settleMs: 1 } }),
    vms: [{ name: 'db01', instanceUuid: 'vm-1', layout: [] }],
    devices: [],
    borrowed: { run: 'mb3k2j1f-x8q2zk', capture: { snapId: 7 } },
    revert: { devices: DEVICES.map((device) => ({ device })) },
  } as unknown as Plan;
  const lines: JournalLine[] = [];
  const stored = {
    runId: plan.runId,
    append: async (line: JournalLine) => void lines.push(line),
    read: async () => lines,
  };
  const journal = await RunJournal.load(stored, systemClock);
  await journal.opened({} as JobContext); // who called is only kept
  await journal.append({ kind: 'planned', data: plan });
  const reporter = { info: () => undefined, warn: () => undefined, progress: () => undefined };
  const hypervisor = { findVms: async () => [[world.vm]] };
  const { site } = new World({ ...QUIET, runs: [] });
  const run = {
    plan,
    ports: { hypervisor, clock: systemClock, reporter, locks: site.ports.locks },
    array,
    journal,
    openGuests: new Map(),
  } as unknown as Run; // of the ports, those that reverts use
  return {
    run,
    array,
    /** By name; `false`: a process that is alive has it. */
    locks: site.locks,
    powerOn: () => {
      world.vm = { ...vm, poweredOn: true };
    },
    set: (...states: readonly RestoreState[]) => {
      for (const [index, state] of states.entries()) {
        const snapshot = array.snapshots[index];
        if (snapshot) snapshot.restore = state;
      }
    },
    states: () => array.snapshots.map(({ restore = 'none' }) => restore),
    /** The process died here: the journal says no more than that it was begun. */
    begin: () => journal.append({ kind: 'intent', data: { step: 'restore' } }),
  };
}

test('killed with some disks written back: the rest is written back too, the sessions are ended, and the snapshot stays', async () => {
  const { run, array, set, states, begin } = await openRevert();
  await begin();
  set('restored', 'none');
  const written: string[] = [];
  const restore = array.restore.bind(array);
  array.restore = async (snapshot) => {
    written.push(...snapshot.devices);
    await restore(snapshot);
  };

  expect(await undoSteps(run, { signal })).toEqual([]);

  expect(written).toEqual(['00312']);
  expect(states()).toEqual(['none', 'none']);
  expect(array.snapshots).toHaveLength(2);
});

test('killed with some disks written back, and the VM was powered on since: nothing more is written, and it is told', async () => {
  const { run, set, states, begin, powerOn } = await openRevert();
  await begin();
  set('restored', 'none');
  powerOn();

  expect(await undoSteps(run, { signal })).toMatchObject([{ code: 'E_REVERT_IN_USE' }]);
  expect(states()).toEqual(['restored', 'none']);
});

test('while another run works with the VM nothing is written back, and it is told; afterwards it is', async () => {
  const { run, set, states, begin, locks } = await openRevert();
  await begin();
  set('restored', 'none');
  locks.set('vm-vm-1', false);

  expect(await undoSteps(run, { signal })).toMatchObject([{ code: 'E_LOCKED' }]);
  expect(states()).toEqual(['restored', 'none']);

  locks.delete('vm-vm-1');
  expect(await undoSteps(run, { signal })).toEqual([]);
  expect(run.journal.state.writtenBack).toBe(true);
  expect([...locks]).toEqual([]);
});

test('killed before the array has begun: nothing is written, whether the VM is on or off', async () => {
  const { run, array, begin, powerOn } = await openRevert();
  await begin();
  powerOn();
  array.restore = () => Promise.reject(new Error('the array was asked to write'));

  expect(await undoSteps(run, { signal })).toEqual([]);
  expect(run.journal.state.writtenBack).toBe(false);
});

test('killed while sessions were ended, and the VM runs since: the others are ended, and nothing is written again', async () => {
  const { run, array, set, states, begin, powerOn } = await openRevert();
  await begin();
  set('restored', 'restored');
  const end = array.endRestore.bind(array);
  array.endRestore = async (snapshot) => {
    await end({ ...snapshot, devices: snapshot.devices.slice(1) });
    throw new SnaphookError('E_ARRAY_UNREACHABLE', 'the array "x" went away', { effect: 'unknown' });
  };
  expect(await undoSteps(run, { signal })).toMatchObject([{ code: 'E_ARRAY_UNREACHABLE' }]);
  expect(states()).toEqual(['restored', 'none']);
  powerOn();
  array.endRestore = end;
  array.restore = () => Promise.reject(new Error('the array was asked to write'));

  expect(await undoSteps(run, { signal })).toEqual([]);
  expect(states()).toEqual(['none', 'none']);
});

test('a VM that is on is refused at the last moment, and the array is not asked', async () => {
  const { run, states, powerOn } = await openRevert();
  powerOn();

  expect((await failure(runStep(run, restoreStep, signal))).code).toBe('E_REVERT_IN_USE');
  expect(states()).toEqual(['none', 'none']);
});

test('an array that does not show what it was told is asked no more, once its view has settled', async () => {
  const { run, array } = await openRevert();
  let asked = 0;
  array.restore = async () => {
    asked += 1;
  };

  expect((await failure(runStep(run, restoreStep, signal))).code).toBe('E_ARRAY');
  expect(asked).toBe(1);
});
