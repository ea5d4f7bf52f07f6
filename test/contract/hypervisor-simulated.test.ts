import type { VmRecord } from '../../src/ports/hypervisor.ts';
import { instanceUuid, moRef } from '../../src/ports/identity.ts';
import { simulatedHypervisor, type VcenterSystem } from '../chaos/simulators/hypervisor.ts';
import { hypervisorContract } from './hypervisor.ts';
import { PLAIN_DISK, QUIET_VM } from './quiet-conditions.ts';
import { simulatedWorld, stopSimulatedWorlds } from './simulated-world.ts';

const facts = { product: 'vCenter', version: '8.0.2', apiVersion: '8.0.2.0', instanceUuid: 'a-b-c' };

const vm = (number: number, name: string, change: Partial<VmRecord> = {}): VmRecord => ({
  instanceUuid: instanceUuid(`5026d1d0-0000-4000-8000-00000000000${number}`),
  moRef: moRef(`vm-${number}`),
  name,
  poweredOn: true,
  template: false,
  connected: true,
  guestHostName: name,
  guestAddress: '192.0.2.10',
  guestFamily: 'windowsGuest',
  disks: [],
  condition: QUIET_VM,
  ...change,
});

const disk = {
  capacityBytes: 1000,
  guestDiskUuid: undefined,
  diskMode: 'persistent',
  onSnapshot: false,
  condition: PLAIN_DISK,
};
const vmfs = {
  kind: 'vmfs',
  datastore: 'ds1',
  datastoreRef: moRef('datastore-1'),
  extents: ['naa.6'],
  vmfsUuid: undefined,
  datastoreBytes: undefined,
} as const;
const onVmfs = { ...disk, key: 2000, label: 'Hard disk 1', sharedByWriters: false };
const main = vm(1, 'sql01', {
  disks: [
    { ...onVmfs, backing: { ...vmfs, fileName: '[ds1] sql01.vmdk' } },
    {
      ...disk,
      key: 2001,
      label: 'Hard disk 2',
      sharedByWriters: true,
      backing: {
        kind: 'rdm',
        canonicalName: 'naa.7',
        compatibilityMode: 'physical',
        lunBytes: 1000,
        mappingFile: '[ds1] raw.vmdk',
      },
    },
    {
      ...disk,
      key: 2002,
      label: 'Hard disk 3',
      sharedByWriters: false,
      backing: {
        kind: 'vvol',
        objectId: 'naa.8',
        datastore: 'vv',
        datastoreRef: moRef('datastore-1'),
        containerId: undefined,
        vasaArrays: [],
      },
    },
  ],
});
const neighbour = vm(2, 'app01', { disks: [{ ...onVmfs, backing: { ...vmfs, fileName: '[ds1] app01.vmdk' } }] });
const twins = [vm(3, 'twin'), vm(4, 'twin')];
const vms = [
  main,
  neighbour,
  ...twins,
  vm(5, 'golden', { template: true }),
  vm(6, 'away', { connected: false }),
  vm(7, 'a/b'),
];

hypervisorContract('simulated', async () => {
  const { random, process } = simulatedWorld();
  random.latency = () => 1;
  const inventoryPath = 'DC/vm/sql01';
  const system: VcenterSystem = {
    facts,
    vms,
    paths: new Map([[inventoryPath, main.moRef]]),
    sessions: new Set(),
    namesSessions: true,
  };
  const barriers = {
    'wrong password': 'login',
    'missing rights': 'no-rights',
    'nobody listens': 'unreachable',
    'untrusted certificate': 'untrusted',
  } as const;
  return {
    connect: () => simulatedHypervisor(system, process, random),
    connectBadly: (how) => simulatedHypervisor(system, process, random, barriers[how]),
    openSessions: () => system.sessions.size,
    endSessions: async () => system.sessions.clear(),
    expected: {
      facts,
      vm: main,
      inventoryPath,
      twins: { name: 'twin', instanceUuids: twins.map((twin) => twin.instanceUuid) },
      templateName: 'golden',
      escapedName: 'a/b',
      disconnectedName: 'away',
      neighbours: ['app01', 'sql01'],
    },
    close: async () => undefined,
  };
});

afterAll(stopSimulatedWorlds);
