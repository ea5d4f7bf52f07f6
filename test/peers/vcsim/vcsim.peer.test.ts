import { systemClock } from '../../../src/platform/clock.ts';
import type { Hypervisor } from '../../../src/ports/hypervisor.ts';
import { instanceUuid, moRef } from '../../../src/ports/identity.ts';
import { createVsphere } from '../../../src/vsphere/vsphere.ts';
import { type Peer, startPeer } from './peer.ts';

const signal = new AbortController().signal;
let peer: Peer;
let vsphere: Hypervisor;

beforeAll(async () => {
  peer = await startPeer();
  vsphere = open();
});

afterAll(async () => {
  await vsphere?.close();
  peer?.stop();
});

const open = (changes: { password?: string; fingerprint256?: string; pageSize?: number } = {}): Hypervisor =>
  createVsphere({
    url: peer.url,
    username: peer.username,
    password: async () => changes.password ?? peer.password,
    tls: { fingerprint256: changes.fingerprint256 ?? peer.fingerprint256 },
    clock: systemClock,
    operationId: 'peer-test',
    ...(changes.pageSize === undefined ? {} : { pageSize: changes.pageSize }),
  });

const nth = (index: number) => {
  const vm = peer.vms[index];
  if (vm === undefined) throw new Error(`the peer has no VM ${index}`);
  return vm;
};

test('the facts of vcsim are read', async () => {
  expect(await vsphere.facts(signal)).toEqual({
    product: 'VMware vCenter Server',
    version: expect.stringMatching(/^\d+\.\d+/),
    apiVersion: expect.stringMatching(/^\d+\.\d+/),
    instanceUuid: expect.stringMatching(/^[0-9a-f-]{36}$/),
  });
});

test('name, UUID, id and inventory path all lead to the same VM', async () => {
  const vm = nth(1);
  const found = await vsphere.findVms(
    [
      { by: 'name', name: vm.name },
      { by: 'instanceUuid', uuid: instanceUuid(vm.instanceUuid) },
      { by: 'moRef', moRef: moRef(vm.moRef) },
      { by: 'path', inventoryPath: `/DC0/vm/${vm.name}` },
      { by: 'name', name: 'there is none' },
      { by: 'moRef', moRef: moRef('vm-99999') },
      { by: 'path', inventoryPath: 'DC0/vm' },
    ],
    signal,
  );
  expect(found.map((records) => records.map((record) => record.moRef))).toEqual([
    [vm.moRef],
    [vm.moRef],
    [vm.moRef],
    [vm.moRef],
    [],
    [],
    [],
  ]);
  const [single] = await vsphere.findVms([{ by: 'instanceUuid', uuid: instanceUuid(vm.instanceUuid) }], signal);
  expect(single?.[0]).toMatchObject({ name: vm.name, connected: true, template: false });
});

test('a virtual volume, the extents of a VMFS datastore and a raw device are told apart', async () => {
  const selectors = [0, 1, 2].map((index) => ({ by: 'moRef' as const, moRef: moRef(nth(index).moRef) }));
  const [vvol, vmfs, raw] = (await vsphere.findVms(selectors, signal)).flat();
  expect(vvol?.disks).toEqual([
    expect.objectContaining({
      guestDiskUuid: '6000c29a1b2c3d4e5f60718293a4b5c6',
      backing: expect.objectContaining({
        kind: 'vvol',
        objectId: 'rfc4122.7a2b1c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d',
        datastore: 'LocalDS_1',
        containerId: 'vvol:1234567890abcdef-fedcba0987654321',
      }),
    }),
  ]);
  expect(vmfs?.disks).toEqual([
    expect.objectContaining({
      capacityBytes: expect.any(Number),
      backing: expect.objectContaining({
        kind: 'vmfs',
        datastore: 'LocalDS_0',
        datastoreRef: peer.vmfs,
        extents: ['naa.60000970000197900046533030304135', 'naa.60000970000197900046533030304136'],
      }),
    }),
  ]);
  expect(raw?.disks.slice(0, 1)).toEqual([
    expect.objectContaining({
      diskMode: 'independent_persistent',
      backing: expect.objectContaining({
        kind: 'rdm',
        canonicalName: 'naa.60000970000197900046533030304137',
        compatibilityMode: 'physical',
      }),
    }),
  ]);
});

test('every VM on a datastore is listed', async () => {
  const neighbours = await vsphere.vmsOnDatastores([moRef(peer.vmfs), moRef(peer.vvol)], signal);
  expect(neighbours.filter((vm) => vm.datastoreRef === peer.vvol).map((vm) => vm.name)).toEqual([
    nth(0).name,
    nth(2).name,
  ]);
  expect(neighbours).toContainEqual(
    expect.objectContaining({ datastoreRef: peer.vmfs, instanceUuid: nth(1).instanceUuid, name: nth(1).name }),
  );
});

test('a wrong password and a wrong fingerprint are refused as such', async () => {
  const stranger = open({ password: 'wrong' });
  await expect(stranger.facts(signal)).rejects.toMatchObject({ code: 'E_VCENTER_LOGIN', retry: 'never' });
  await stranger.close();
  const pinnedWrong = open({ fingerprint256: '00'.repeat(32) });
  await expect(pinnedWrong.facts(signal)).rejects.toMatchObject({ code: 'E_TLS_UNTRUSTED' });
  await pinnedWrong.close();
});
