import { lookAfterReading } from '../../../src/job/read-guard.ts';
import type { Run } from '../../../src/job/step.ts';
import { instanceUuid, moRef, wwn } from '../../../src/ports/identity.ts';
import type { SnapshotDisk, VmSnapshot } from '../../../src/ports/vm-snapshots.ts';
import type { VmTask } from '../../../src/ports/vm-task.ts';
import { failure } from '../../failure.ts';

const signal = new AbortController().signal;
const VM = instanceUuid('50000000-0000-4000-8000-000000000001');
const DISK: SnapshotDisk = {
  key: 2000,
  diskUuid: '6000c291111122223333444455556666',
  fileName: '[vv] a/a.vmdk',
  capacityBytes: 1024,
};
const SNAPSHOT: VmSnapshot = {
  vm: moRef('vm-1'),
  moRef: moRef('snapshot-1'),
  name: 'snaphook-mb3k2j1f-x8q2zk-aaaaaa',
  description: '',
  createdAtMs: 0,
  quiesced: false,
  isOnly: true,
};

interface Shown {
  readonly snapshots: readonly VmSnapshot[];
  readonly disks: readonly SnapshotDisk[];
  readonly tasks: readonly VmTask[];
  readonly attached: readonly string[];
}

const UNCHANGED: Shown = { snapshots: [SNAPSHOT], disks: [DISK], tasks: [], attached: [DISK.fileName] };

/** A run that has read its one disk, in a vCenter that shows this now. */
function look(change: Partial<Shown>): Promise<void> {
  const shown = { ...UNCHANGED, ...change };
  const vmSnapshots = {
    sessionKey: async () => undefined,
    close: async () => undefined,
    find: async () => shown.snapshots,
    disksOf: async () => shown.disks,
    tasksOf: async () => shown.tasks,
    proxyVm: async () => ({ disks: shown.attached.map((fileName) => ({ fileName })) }),
  };
  const snapshots = [{ vm: VM, moRef: SNAPSHOT.moRef, disks: [DISK] }];
  const run = {
    plan: {
      snapshotName: SNAPSHOT.name,
      vms: [{ instanceUuid: VM, moRef: SNAPSHOT.vm, name: 'sql01' }],
      managed: {
        proxyVm: { moRef: moRef('vm-9'), name: 'proxy01' },
        disks: [{ vm: VM, key: DISK.key, diskUuid: wwn(DISK.diskUuid ?? '') }],
      },
    },
    ports: { vmSnapshots },
    journal: { state: { steps: { 'managed-capture': { at: 'done', result: { snapshots } } } } },
  };
  return lookAfterReading(run as unknown as Run, signal); // of a run, what the look reads
}

const task = (kind: string, atWork: boolean): readonly VmTask[] => [{ id: 'task-1', kind, atWork }];

test.each<[string, Partial<Shown>]>([
  ['nothing changed', {}],
  ['the VM is moved to another host', { tasks: task('Drm.ExecuteVMotionLRO', true) }],
  ['other work is done with the VM', { tasks: task('VirtualMachine.createSnapshot', true) }],
  ['a relocation is over and left the disks where they were', { tasks: task('VirtualMachine.relocate', false) }],
])('disks may be handed over when %s', async (_, change) => {
  await expect(look(change)).resolves.toBeUndefined();
});

test.each<[string, Partial<Shown>, string]>([
  ['the snapshot is gone', { snapshots: [] }, 'does not have snapshot'],
  [
    'another snapshot has its name',
    { snapshots: [{ ...SNAPSHOT, moRef: moRef('snapshot-2') }] },
    'does not have snapshot',
  ],
  ['a disk of the snapshot is elsewhere', { disks: [{ ...DISK, fileName: '[other] a/a.vmdk' }] }, 'not where it was'],
  ['a disk of the snapshot is gone', { disks: [] }, 'not where it was'],
  ['the disks are being moved', { tasks: task('VirtualMachine.relocate', true) }, '"VirtualMachine.relocate", task-1'],
])('nothing is handed over when %s', async (_, change, message) => {
  expect(await failure(look(change))).toMatchObject({
    code: 'E_VM_CHANGED',
    retry: 'safe',
    message: expect.stringContaining(message),
  });
});

test('nothing is handed over when a disk was detached from the proxy VM', async () => {
  expect(await failure(look({ attached: [] }))).toMatchObject({
    code: 'E_PROXY_DEVICE',
    message: expect.stringContaining(DISK.fileName),
  });
});
