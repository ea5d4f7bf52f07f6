import { layoutChanges, layoutOf } from '../../../src/job/layout.ts';
import { mayHoldWritesBack, notesOf } from '../../../src/job/vm-notes.ts';
import type { VirtualDisk, VmCondition, VmRecord } from '../../../src/ports/hypervisor.ts';
import { instanceUuid, moRef } from '../../../src/ports/identity.ts';
import type { VmSnapshot } from '../../../src/ports/vm-snapshots.ts';
import { PLAIN_DISK, QUIET_VM } from '../../contract/quiet-conditions.ts';

const NOW = new Date('2026-05-10T12:00:00Z');

const disk = (change: Partial<VirtualDisk> = {}): VirtualDisk => ({
  key: 2000,
  label: 'Hard disk 1',
  capacityBytes: 1024,
  guestDiskUuid: undefined,
  diskMode: 'persistent',
  onSnapshot: false,
  sharedByWriters: false,
  backing: {
    kind: 'vvol',
    objectId: 'naa.1',
    datastore: 'gold',
    datastoreRef: moRef('datastore-1'),
    containerId: undefined,
    vasaArrays: [],
  },
  condition: PLAIN_DISK,
  ...change,
});

const snapshot = (name: string, createdAt?: string): VmSnapshot => ({
  vm: moRef('vm-1'),
  moRef: moRef('snapshot-1'),
  name,
  description: '',
  createdAtMs: createdAt === undefined ? undefined : Date.parse(createdAt),
  quiesced: false,
  isOnly: true,
});

const vm = (condition: Partial<VmCondition>, disks: readonly VirtualDisk[] = [disk()]): VmRecord => ({
  instanceUuid: instanceUuid('5026d1d0-0000-4000-8000-000000000001'),
  moRef: moRef('vm-1'),
  name: 'sql01',
  poweredOn: true,
  template: false,
  connected: true,
  guestHostName: undefined,
  guestAddress: undefined,
  guestFamily: undefined,
  disks,
  condition: { ...QUIET_VM, ...condition },
});

const notes = (record: VmRecord) => notesOf(record, NOW).map(({ code, severity, disk: key }) => [code, severity, key]);

test('of a VM without anything unusual nothing is told', () => {
  expect(notes(vm({}))).toEqual([]);
});

test('snapshots are told with name and age', () => {
  const snapshots = [
    snapshot('before update', '2026-05-01T12:00:00Z'),
    snapshot('now', '2026-05-10T11:30:00Z'),
    snapshot('odd'),
  ];
  expect(notesOf(vm({ snapshots }), NOW)[0]?.text).toBe(
    'VM "sql01" has 3 VM snapshot(s) already: "before update" (9 days old), "now" (less than an hour old), "odd" (of unknown age)',
  );
});

test.each<[Partial<VmCondition>, string, string]>([
  [{ suspended: true }, 'suspended', 'warning'],
  [{ consolidationNeeded: true }, 'consolidation-needed', 'warning'],
  [{ faultTolerant: true }, 'fault-tolerant', 'warning'],
  [{ encrypted: true }, 'encrypted', 'warning'],
  [{ toolsRunning: false }, 'tools-not-running', 'info'],
  [{ tasks: [{ id: 't', kind: 'VirtualMachine.relocate', atWork: true }] }, 'task-at-work', 'warning'],
])('a VM with %j is told as %s, a matter of %s', (condition, code, severity) => {
  expect(notes(vm(condition))).toEqual([[code, severity, undefined]]);
});

test.each<[string, Partial<VirtualDisk>, string, string]>([
  ['a chain', { onSnapshot: true }, 'on-snapshot', 'warning'],
  ['other writers', { sharedByWriters: true }, 'shared', 'warning'],
  ['independence', { diskMode: 'independent_persistent' }, 'independent', 'info'],
  ['no persistence', { diskMode: 'independent_nonpersistent' }, 'nonpersistent', 'warning'],
  ['a filter', { condition: { ...PLAIN_DISK, filters: ['V_cache'] } }, 'io-filter', 'warning'],
  ['a write-back cache', { condition: { ...PLAIN_DISK, hostCache: 'write-back' } }, 'host-cache', 'warning'],
  ['a read cache', { condition: { ...PLAIN_DISK, hostCache: 'write-through' } }, 'host-cache', 'info'],
  ['a key', { condition: { ...PLAIN_DISK, encrypted: true } }, 'encrypted', 'warning'],
  [
    'a raw device',
    {
      backing: {
        kind: 'rdm',
        canonicalName: 'naa.1',
        compatibilityMode: 'physical',
        lunBytes: undefined,
        mappingFile: '',
      },
    },
    'raw-device',
    'info',
  ],
])('a disk with %s is told', (_, change, code, severity) => {
  expect(notes(vm({}, [disk(change)]))).toEqual([[code, severity, 2000]]);
});

test('filters and write-back caches may hold writes back, a read cache does not', () => {
  const held = (condition: Partial<VirtualDisk['condition']>) =>
    mayHoldWritesBack(disk({ condition: { ...PLAIN_DISK, ...condition } }));
  expect([held({ filters: ['V_replication'] }), held({ hostCache: 'write-back' })]).toEqual([true, true]);
  expect([held({}), held({ hostCache: 'write-through' })]).toEqual([false, false]);
});

test.each<[string, VmRecord]>([
  [
    'another place',
    vm({}, [
      disk({
        backing: {
          kind: 'vvol',
          objectId: 'naa.2',
          datastore: 'gold',
          datastoreRef: moRef('datastore-1'),
          containerId: undefined,
          vasaArrays: [],
        },
      }),
    ]),
  ],
  ['another size', vm({}, [disk({ capacityBytes: 2048 })])],
  ['another mode', vm({}, [disk({ diskMode: 'independent_persistent' })])],
  ['a longer chain', vm({}, [disk({ condition: { ...PLAIN_DISK, chain: ['[gold] a.vmdk'] } })])],
  ['one more disk', vm({}, [disk(), disk({ key: 2001 })])],
  ['no disk', vm({}, [])],
  ['a snapshot', vm({ snapshots: [snapshot('x')] })],
])('a layout with %s is another', (_, changed) => {
  expect(layoutChanges(layoutOf(vm({})), layoutOf(changed))).not.toEqual([]);
});

test('host, tasks and Tools are no part of the layout', () => {
  const other = vm({ host: moRef('host-2'), toolsRunning: false, tasks: [{ id: 't', kind: 'x', atWork: false }] });
  expect(layoutChanges(layoutOf(vm({})), layoutOf(other))).toEqual([]);
});
