import type { DiskInventory } from '../../../src/lab/vcenter/inventory.ts';
import { closeLabs, startLab, type TestLab } from './lab-vcenter.ts';
import { type RawSoap, textAt } from './raw-soap.ts';
import { onVm, outcomeOf } from './tasks.ts';

afterAll(closeLabs);

/** Managed object ids of the sample, which are given in its order: on vVols, and on VMFS of another host. */
const VM = 'vm-101';
const OTHER_VM = 'vm-102';
const VM_OF_OTHER_DATACENTER = 'vm-105';

let lab: TestLab;
let soap: RawSoap;
let place: Place;

interface Place {
  readonly folder: string;
  readonly pool: string;
  readonly host: string;
  readonly datastore: string;
  readonly snapshot: string;
}

async function idOf(vm: string, property: string): Promise<string> {
  const value = (await soap.properties('VirtualMachine', vm, property)).get(property);
  return value?.children[0]?.text ?? value?.text ?? '';
}

const snapshotOf = async (vm: string) => {
  const words = '<name>s</name><memory>false</memory><quiesce>false</quiesce>';
  return (await outcomeOf(soap, 'CreateSnapshot_Task', ['VirtualMachine', vm], words)).result;
};

beforeAll(async () => {
  lab = await startLab();
  soap = await lab.admin();
  place = {
    folder: await idOf(VM, 'parent'),
    pool: await idOf(VM, 'resourcePool'),
    host: await idOf(VM, 'runtime.host'),
    datastore: await idOf(VM, 'datastore'),
    snapshot: await snapshotOf(VM),
  };
});

const clone = (name: string, change: Partial<Place> = {}, client = soap) => {
  const { folder, pool, host, datastore, snapshot } = { ...place, ...change };
  const location =
    `<datastore type="Datastore">${datastore}</datastore><pool type="ResourcePool">${pool}</pool>` +
    `<host type="HostSystem">${host}</host>`;
  const config =
    '<extraConfig><key>mark</key><value xsi:type="xsd:string" xmlns:xsd="http://www.w3.org/2001/XMLSchema">m</value></extraConfig>';
  return outcomeOf(
    client,
    'CloneVM_Task',
    ['VirtualMachine', VM],
    `<folder type="Folder">${folder}</folder><name>${name}</name><spec><location>${location}</location><template>false</template>` +
      `<config>${config}</config><powerOn>false</powerOn><snapshot type="VirtualMachineSnapshot">${snapshot}</snapshot></spec>`,
  );
};

const volumeOf = (disk: DiskInventory | undefined) => disk?.backing.kind === 'vvol' && disk.backing.backingObjectId;

const destroy = (vm: string, client = soap) => outcomeOf(client, 'Destroy_Task', ['VirtualMachine', vm]);

test('a clone is powered off, has volumes, serials and identities of its own, and is destroyed with them', async () => {
  const { end, result } = await clone('copy');
  expect(end).toBe('success');
  expect(result).toBe(lab.vcenter.moRefOf('copy'));
  const [original, copy] = [lab.vcenter.vm(VM), lab.vcenter.vm('copy')];
  expect(copy).toMatchObject({ powerState: 'poweredOff', extraConfig: { mark: 'm' }, folder: original.folder });
  expect(copy.disks).toHaveLength(original.disks.length);
  for (const [index, disk] of copy.disks.entries()) {
    expect(disk.backing).not.toHaveProperty('parent');
    expect(disk.uuid).not.toBe(original.disks[index]?.uuid);
    expect(volumeOf(disk)).not.toBe(volumeOf(original.disks[index]));
  }
  expect([original.instanceUuid, original.biosUuid]).not.toContain(copy.instanceUuid);
  expect(lab.vcenter.snapshotsOf('copy')).toEqual([]);

  lab.vcenter.setPowerState('copy', 'poweredOn');
  expect((await destroy(result)).end).toBe('InvalidPowerState');
  lab.vcenter.setPowerState('copy', 'poweredOff');
  expect((await destroy(result)).end).toBe('success');
  expect(lab.vcenter.vmNames()).not.toContain('copy');
  expect((await onVm(soap, 'Destroy_Task', result)).fault?.type).toBe('ManagedObjectNotFound');
});

test.each<[string, () => Promise<Partial<Place>>, string]>([
  [
    'into a folder of another datacenter than the host is in',
    async () => ({ folder: await idOf(VM_OF_OTHER_DATACENTER, 'parent') }),
    'InvalidArgument',
  ],
  ['out of the snapshot of another VM', async () => ({ snapshot: await snapshotOf(OTHER_VM) }), 'InvalidArgument'],
  [
    'to a host that does not mount the datastore',
    async () => ({ host: await idOf(OTHER_VM, 'runtime.host') }),
    'InvalidDatastore',
  ],
  ['onto VMFS, which is not simulated', async () => ({ datastore: await idOf(OTHER_VM, 'datastore') }), 'NotSupported'],
])('a clone %s is refused', async (_, change, end) => {
  expect((await clone('refused', await change())).end).toBe(end);
  expect(lab.vcenter.vmNames()).not.toContain('refused');
});

test('a name is taken once in a folder, and must be one', async () => {
  const taken = textAt((await soap.properties('VirtualMachine', VM, 'summary.config')).get('summary.config'), 'name');
  const { folder } = place;
  expect((await clone(taken ?? '', { folder })).end).toBe('DuplicateName');
  expect((await clone('x'.repeat(81))).end).toBe('InvalidName');
});

test('whoever may only read can neither clone nor destroy', async () => {
  const reader = soap.sibling();
  const words = '<userName>reader@vsphere.local</userName><password>secret</password>';
  await reader.call('Login', `<_this type="SessionManager">SessionManager</_this>${words}`);
  expect((await clone('refused', {}, reader)).end).toBe('NoPermission');
  expect((await destroy(VM, reader)).end).toBe('NoPermission');
});
