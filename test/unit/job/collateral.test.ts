import { newcomers, planCollateral } from '../../../src/job/collateral.ts';
import { DEFAULT_LIMITS, type JobSpec } from '../../../src/job/job-spec.ts';
import type { JobPorts } from '../../../src/job/ports.ts';
import type { DatastoreNeighbour, VmRecord } from '../../../src/ports/hypervisor.ts';
import { instanceUuid, moRef } from '../../../src/ports/identity.ts';
import { PLAIN_DISK, QUIET_VM } from '../../contract/quiet-conditions.ts';

const uuid = (nth: number) => instanceUuid(`00000000-0000-4000-8000-${String(nth).padStart(12, '0')}`);
const DATASTORE = moRef('datastore-1');

const vm = (nth: number, datastore = DATASTORE): VmRecord => ({
  instanceUuid: uuid(nth),
  moRef: moRef(`vm-${nth}`),
  name: `vm${nth}`,
  poweredOn: true,
  template: false,
  connected: true,
  guestHostName: undefined,
  guestAddress: '192.0.2.1',
  guestFamily: undefined,
  condition: QUIET_VM,
  disks: [
    {
      key: 2000,
      label: 'Hard disk 1',
      capacityBytes: 1,
      guestDiskUuid: undefined,
      diskMode: 'persistent',
      onSnapshot: false,
      sharedByWriters: false,
      condition: PLAIN_DISK,
      backing: {
        kind: 'vmfs',
        fileName: '[ds] a.vmdk',
        datastore: 'ds',
        datastoreRef: datastore,
        extents: ['naa.6'],
        vmfsUuid: undefined,
        datastoreBytes: undefined,
      },
    },
  ],
});
const neighbour = (nth: number, change: Partial<DatastoreNeighbour> = {}): DatastoreNeighbour => ({
  datastoreRef: DATASTORE,
  instanceUuid: uuid(nth),
  name: `vm${nth}`,
  poweredOn: true,
  bytes: 100,
  ...change,
});
const spec = (collateral: JobSpec['collateral'], freeze: JobSpec['freeze'] = 'auto'): JobSpec => ({
  name: 'job',
  vms: [],
  exclude: [],
  onNoMatch: 'fail',
  route: 'auto',
  hostCaches: 'refuse',
  proxyVm: undefined,
  freeze,
  grade: 'crash',
  onLowerGrade: 'fail',
  collateral,
  onOpenRun: 'fail',
  targetPool: 'pool',
  presentGroup: undefined,
  proxyHost: 'proxy01',
  timeToLiveHours: 1,
  exportDirectory: '/x',
  limits: DEFAULT_LIMITS,
});

/** A vCenter with these neighbours, and settings for the guests named. Nothing else is asked. */
const portsWith = (
  neighbours: readonly DatastoreNeighbour[],
  records: readonly VmRecord[],
  settled: readonly string[],
) =>
  ({
    hypervisor: {
      vmsOnDatastores: async () => neighbours,
      findVms: async (selectors) =>
        selectors.map((selector) =>
          records.filter((one) => selector.by === 'instanceUuid' && one.instanceUuid === selector.uuid),
        ),
    },
    guests: {
      waysFor: ({ name }) => (settled.includes(name) ? [{ strategy: 'linux-fsfreeze', leaseMs: 10_000 }] : []),
    },
  }) as { hypervisor: Partial<JobPorts['hypervisor']>; guests: Partial<JobPorts['guests']> } as JobPorts; // only these are called

const { signal } = new AbortController();
const UNREADABLE = { instanceUuid: undefined, name: 'vm-9', poweredOn: undefined, bytes: undefined };

test('refuse: the run ends with every neighbour, their bytes, and those that cannot be read', async () => {
  const ports = portsWith([neighbour(1), neighbour(2), neighbour(9, UNREADABLE)], [], []);
  await expect(planCollateral(ports, [vm(1)], spec('refuse'), signal)).rejects.toMatchObject({
    code: 'E_COLLATERAL',
    message: 'datastore "ds" also holds "vm2", "vm-9" (cannot be read) (at least 100 bytes), not prepared by this job',
  });
});

test('who has only an ISO image or swap on the datastore is no neighbour', async () => {
  const ports = portsWith([neighbour(1), neighbour(2, { bytes: 0 })], [], []);
  expect((await planCollateral(ports, [vm(1)], spec('refuse'), signal)).collateral).toEqual([]);
});

test('prepare: those that run join the run with the disks on captured datastores; who is off, or has no disk there, does not', async () => {
  const elsewhere = vm(4, moRef('datastore-2'));
  const ports = portsWith(
    [neighbour(1), neighbour(2), neighbour(3, { poweredOn: false }), neighbour(4)],
    [{ ...vm(2), disks: [...vm(2).disks, ...elsewhere.disks] }, elsewhere],
    ['vm2'],
  );
  const { collateral, neighbours } = await planCollateral(ports, [vm(1)], spec('prepare'), signal);
  expect(collateral[0]?.vms.map(({ name, state }) => [name, state])).toEqual([
    ['vm2', 'prepared'],
    ['vm3', 'powered-off'],
    ['vm4', 'no-disk'],
  ]);
  expect(neighbours.map(({ name, disks }) => [name, disks.length])).toEqual([['vm2', 1]]);
});

test('prepare: who cannot be prepared refuses the run, all of them named with the reason', async () => {
  const gone = neighbour(5);
  const ports = portsWith([neighbour(2), neighbour(3), gone, neighbour(9, UNREADABLE)], [vm(2), vm(3)], ['vm2']);
  await expect(planCollateral(ports, [vm(1)], spec('prepare'), signal)).rejects.toMatchObject({
    code: 'E_COLLATERAL',
    message: expect.stringMatching(
      /"vm3" \(no settings.*"vm5" \(its configuration cannot be read\).*"vm-9" \(cannot be read\)/,
    ),
  });
});

test('prepare without a freeze is a contradiction in the configuration', async () => {
  const ports = portsWith([neighbour(2)], [vm(2)], ['vm2']);
  await expect(planCollateral(ports, [vm(1)], spec('prepare', 'none'), signal)).rejects.toMatchObject({
    code: 'E_CONFIG',
  });
});

test('who came to a datastore since the plan is told, and who was switched on; who left, or was switched off, is not', () => {
  const listed = (nth: number, poweredOn: boolean | undefined) => ({
    name: `vm${nth}`,
    instanceUuid: poweredOn === undefined ? undefined : uuid(nth),
    poweredOn,
    bytes: 1,
    state: 'not-prepared' as const,
  });
  const planned = [
    { datastore: 'ds', vms: [listed(2, true), listed(3, false), listed(4, true), listed(9, undefined)] },
  ];
  const now = (...vms: readonly ReturnType<typeof listed>[]) => [{ datastore: 'ds', vms }];

  expect(newcomers(planned, now(listed(2, false), listed(3, false), listed(9, undefined)))).toEqual([]);
  expect(newcomers(planned, now(listed(3, true), listed(5, false), listed(8, undefined)))).toEqual([
    'VM "vm3" on datastore "ds" is no longer powered off',
    'VM "vm5" came to datastore "ds"',
    'VM "vm8" came to datastore "ds"',
  ]);
  expect(newcomers([], [{ datastore: 'other', vms: [listed(2, true)] }])).toHaveLength(1);
});
