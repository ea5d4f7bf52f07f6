import { parseVmSelector } from '../../src/config/vm-selector.ts';
import type { Hypervisor } from '../../src/ports/hypervisor.ts';
import { instanceUuid, type MoRef } from '../../src/ports/identity.ts';
import { type HypervisorWorld, hypervisorContract } from './hypervisor.ts';
import {
  CONTAINER_ID,
  HEAD_EXTENT,
  instanceUuidOf,
  RAW_DEVICE,
  SECOND_EXTENT,
  VCENTER_UUID,
  VVOL_OBJECT,
} from './lab-vcenter-inventory.ts';
import { type LabVcenterWorld, startLabVcenter } from './lab-vcenter-world.ts';
import { PLAIN_DISK, QUIET_VM } from './quiet-conditions.ts';

const GIB = 1024 ** 3;
const signal = new AbortController().signal;

const common = { diskMode: 'persistent', onSnapshot: false, sharedByWriters: false, condition: PLAIN_DISK };

hypervisorContract('the lab’s vCenter', async () => {
  const lab = await startLabVcenter();
  const world: HypervisorWorld = {
    connect: () => lab.connect(),
    connectBadly: (how) => {
      switch (how) {
        case 'wrong password':
          return lab.connect({ password: async () => 'wrong' });
        case 'missing rights':
          return lab.connect(lab.guest);
        case 'nobody listens':
          return lab.connect({ url: 'https://127.0.0.1:1/sdk' });
        case 'untrusted certificate':
          return lab.connect({ tls: {} });
      }
    },
    openSessions: () => lab.vcenter.sessions,
    endSessions: () => lab.terminateSessions(),
    expected: {
      facts: {
        product: 'VMware vCenter Server',
        version: expect.stringMatching(/^8\.0\.3/),
        apiVersion: '8.0.3.0',
        instanceUuid: VCENTER_UUID,
      },
      vm: {
        instanceUuid: instanceUuid(instanceUuidOf(1)),
        name: 'app01',
        poweredOn: true,
        template: false,
        connected: true,
        guestHostName: 'APP01',
        guestAddress: '192.0.2.11',
        guestFamily: 'windowsGuest',
        condition: { ...QUIET_VM, host: expect.stringMatching(/^host-\d+$/) as MoRef }, // a matcher in place of it
        disks: [
          {
            ...common,
            key: 2000,
            label: 'Hard disk 1',
            capacityBytes: GIB,
            guestDiskUuid: '6000c291111122223333444455556666',
            backing: {
              kind: 'vvol',
              objectId: VVOL_OBJECT,
              datastore: 'gold',
              datastoreRef: expect.stringMatching(/^datastore-\d+$/) as MoRef, // a matcher in place of it
              containerId: CONTAINER_ID,
              vasaArrays: ['000197900046', 'com.emc:000197900046'],
            },
          },
          {
            ...common,
            key: 2001,
            label: 'Hard disk 2',
            capacityBytes: 2 * GIB,
            guestDiskUuid: '6000c292111122223333444455556666',
            onSnapshot: true,
            condition: { ...PLAIN_DISK, chain: ['[silver] app01/app01_1.vmdk'] },
            backing: {
              kind: 'vmfs',
              fileName: '[silver] app01/app01_1-000001.vmdk',
              datastore: 'silver',
              datastoreRef: expect.stringMatching(/^datastore-\d+$/) as MoRef, // an asymmetric matcher in place of it
              extents: [HEAD_EXTENT, SECOND_EXTENT],
              vmfsUuid: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{12}$/) as string, // a matcher, too
              datastoreBytes: 200 * GIB,
            },
          },
          {
            ...common,
            key: 2002,
            label: 'Hard disk 3',
            capacityBytes: 3 * GIB,
            guestDiskUuid: '6000c293111122223333444455556666',
            diskMode: 'independent_persistent',
            backing: {
              kind: 'rdm',
              canonicalName: RAW_DEVICE,
              compatibilityMode: 'physical',
              lunBytes: 100 * GIB,
              mappingFile: '[silver] app01/app01_2.vmdk',
            },
          },
          {
            ...common,
            key: 2003,
            label: 'Hard disk 4',
            capacityBytes: 4 * GIB,
            guestDiskUuid: '6000c294111122223333444455556666',
            sharedByWriters: true,
            backing: { kind: 'unsupported', reason: expect.stringContaining('NFS datastore "share"') },
          },
        ],
      },
      inventoryPath: 'Frankfurt/vm/a%2fb/app01',
      twins: { name: 'twin', instanceUuids: [instanceUuidOf(2), instanceUuidOf(3)] },
      templateName: 'golden image',
      escapedName: 'web/01 100%',
      disconnectedName: 'far away',
      neighbours: ['app01', 'twin', 'twin', 'golden image', 'web/01 100%', 'far away'],
    },
    close: () => lab.close(),
  };
  return world;
});

describe('calls to vCenter', () => {
  let lab: LabVcenterWorld;
  const EXTRA_VMS = 300;

  beforeAll(async () => {
    lab = await startLabVcenter({ extraVms: EXTRA_VMS });
  });
  afterAll(async () => {
    await lab.close();
  });

  async function operationsFor(names: readonly string[], pageSize = 2_000): Promise<readonly string[]> {
    lab.takeOperations();
    const vsphere = lab.connect({ pageSize });
    const found = await vsphere.findVms(
      names.map((name) => ({ by: 'name', name })),
      signal,
    );
    await vsphere.close();
    expect(found.map((records) => records.map((record) => record.name))).toEqual(names.map((name) => [name]));
    return lab.takeOperations();
  }

  test('one VM by name costs seven calls from first to last, one more with a raw device', async () => {
    const plain = await operationsFor(['bulk 7']);
    expect(plain).toEqual([
      'GET /sdk/vimServiceVersions.xml',
      'RetrieveServiceContent',
      'Login',
      'CreateContainerView',
      'RetrievePropertiesEx',
      'RetrievePropertiesEx',
      'Logout',
    ]);
    expect(await operationsFor(['app01'])).toHaveLength(plain.length + 1);
  });

  test('three hundred VMs cost as many calls as one', async () => {
    const names = Array.from({ length: EXTRA_VMS }, (_, nth) => `bulk ${nth}`);
    expect(await operationsFor(names)).toHaveLength((await operationsFor(['bulk 7'])).length);
  });

  test('pages only add the calls that continue them, and nothing is lost between pages', async () => {
    const names = Array.from({ length: 250 }, (_, nth) => `bulk ${nth}`);
    const operations = await operationsFor(names, 100);
    const continued = operations.filter((operation) => operation === 'ContinueRetrievePropertiesEx');
    // 306 names are 4 pages; 250 VMs and their one datastore are 3.
    expect(continued).toHaveLength(3 + 2);
    expect(operations).toHaveLength(7 + 3 + 2);
  });

  test('the neighbours on any number of datastores cost one call', async () => {
    const vsphere = lab.connect({ pageSize: 2_000 });
    const [bulk, app] = (
      await Promise.all(['bulk 7', 'app01'].map((name) => vsphere.findVms([{ by: 'name', name }], signal)))
    ).flat(2);
    const datastores = [...(bulk?.disks ?? []), ...(app?.disks ?? [])].flatMap(({ backing }) =>
      backing.kind === 'vmfs' ? [backing.datastoreRef] : [],
    );
    expect(new Set(datastores).size).toBe(2);
    lab.takeOperations();
    const neighbours = await vsphere.vmsOnDatastores(datastores, signal);
    expect(lab.takeOperations()).toEqual(['RetrievePropertiesEx']);
    expect(neighbours).toHaveLength(EXTRA_VMS + 6);
    await vsphere.close();
  });

  test('no call was one that the lab does not simulate', () => {
    expect(lab.events.events.filter((event) => event.kind === 'unserved')).toEqual([]);
    expect(lab.events.events.filter((event) => event.detail.defect !== undefined)).toEqual([]);
  });
});

describe('selectors that only a vCenter knows', () => {
  let lab: LabVcenterWorld;
  let vsphere: Hypervisor;

  beforeAll(async () => {
    lab = await startLabVcenter({ extraVms: 3 });
    vsphere = lab.connect();
  });
  afterAll(async () => {
    await vsphere.close();
    await lab.close();
  });

  const uuidsOf = async (...selectors: readonly string[]) =>
    (await vsphere.findVms(selectors.map(parseVmSelector), signal)).map((found) =>
      found.map((vm) => vm.instanceUuid).sort(),
    );

  test('a folder holds what is in the folders below, and is named as stored', async () => {
    expect(
      await uuidsOf('folder:Frankfurt/vm/north', 'folder:/Frankfurt/vm/north/deep/', 'folder:Frankfurt/vm/a%2Fb'),
    ).toEqual([[instanceUuidOf(2), instanceUuidOf(3)], [instanceUuidOf(3)], [instanceUuidOf(1)]]);
    expect((await uuidsOf('folder:Frankfurt'))[0]).toHaveLength(9);
    expect(await uuidsOf('folder:Frankfurt/vm/nor', 'folder:frankfurt/vm/north')).toEqual([[], []]);
  });

  test('a datastore is named by name or path; a UUID of the hardware is not one of the instance', async () => {
    const bulk = [1000, 1001, 1002].map(instanceUuidOf);
    expect(await uuidsOf('datastore:bulk', 'datastore:Frankfurt/datastore/bulk', 'datastore:none')).toEqual([
      bulk,
      bulk,
      [],
    ]);
    const bios = instanceUuidOf(2).replace(/^5/, '4').replace('500c', '420c').replace('400c', '420c');
    expect(await uuidsOf(`bios:${bios}`, `uuid:${bios}`)).toEqual([[instanceUuidOf(2)], []]);
  });

  test('a tag is one of its category, and its session is ended whatever happens', async () => {
    expect(await uuidsOf('tag:Backup/gold', 'tag:Owner/gold', 'tag:Backup/bronze', 'tag:None/gold')).toEqual([
      [instanceUuidOf(1), instanceUuidOf(3)],
      [instanceUuidOf(2)],
      [],
      [],
    ]);
    expect(lab.vcenter.sessions).toBe(1);
    lab.faults.add({
      system: 'vcenter',
      operation: 'POST /api/cis/tagging/tag-association',
      when: 'before',
      nth: 1,
      action: { do: 'answer', status: 500 },
    });
    await expect(uuidsOf('tag:Backup/gold')).rejects.toMatchObject({ code: 'E_VCENTER' });
    expect(lab.vcenter.sessions).toBe(1);
  });

  test('any number of tags costs one session, and its categories are read once', async () => {
    const restOf = async (...selectors: readonly string[]) => {
      lab.takeOperations();
      await uuidsOf(...selectors);
      return lab.takeOperations().filter((operation) => operation.includes('/api/'));
    };
    const one = await restOf('tag:Backup/gold');
    const three = await restOf('tag:Backup/gold', 'tag:Backup/silver', 'tag:Backup/gold');
    const sessions = three.filter((operation) => operation.endsWith('/api/session'));
    expect(sessions).toEqual(['POST /api/session', 'DELETE /api/session']);
    expect(three).toHaveLength(one.length + 2);
  });

  test('any number of selectors of places, names and patterns costs one view and one read', async () => {
    lab.takeOperations();
    const fresh = lab.connect({ pageSize: 2_000 });
    const selectors = [
      'folder:Frankfurt/vm/north',
      'datastore:bulk',
      'like:web*',
      'app01',
      `bios:${instanceUuidOf(9)}`,
    ];
    await fresh.findVms(selectors.map(parseVmSelector), signal);
    await fresh.close();
    const reads = lab.takeOperations().filter((operation) => /View|Retrieve.*Ex|Find/.test(operation));
    // The third is of the host's LUNs, as one of the VMs has a raw device.
    expect(reads).toEqual([
      'CreateContainerView',
      'RetrievePropertiesEx',
      'RetrievePropertiesEx',
      'RetrievePropertiesEx',
    ]);
  });

  test('many inventory paths are found in one read; only what it has no path of is looked up', async () => {
    lab.takeOperations();
    const paths = ['a%2Fb/app01', 'north/twin', 'north/deep/twin', 'bulk/bulk 0', 'bulk/bulk 1', 'north/none'];
    const found = await uuidsOf(...paths.map((path) => `path:Frankfurt/vm/${path}`));
    const lookups = lab.takeOperations().filter((operation) => operation === 'FindByInventoryPath');

    expect(found).toEqual([...[1, 2, 3, 1000, 1001].map((nth) => [instanceUuidOf(nth)]), []]);
    expect(lookups).toHaveLength(1);
  });

  test('tags need a vCenter that has the REST API, and say so', async () => {
    const old = await startLabVcenter({ apiVersion: '7.0.1.0' });
    const client = old.connect();
    await expect(client.findVms([parseVmSelector('tag:Backup/gold')], signal)).rejects.toMatchObject({
      code: 'E_VCENTER',
      hint: expect.stringContaining('7.0 U2'),
    });
    await client.close();
    await old.close();
  });
});

test('what is going on with a VM is read with it: snapshots, tasks, keys, tools', async () => {
  const lab = await startLabVcenter();
  const vsphere = lab.connect();
  lab.vcenter.changeVm('app01', {
    changeTrackingEnabled: true,
    consolidationNeeded: true,
    keyId: 'k',
    faultToleranceState: 'running',
  });
  const end = lab.vcenter.beginTask('app01', { name: 'RelocateVM_Task', descriptionId: 'VirtualMachine.relocate' });
  const read = async () => (await vsphere.findVms([{ by: 'name', name: 'app01' }], signal))[0]?.[0]?.condition;
  expect(await read()).toEqual({
    host: expect.stringMatching(/^host-/),
    suspended: false,
    toolsRunning: true,
    changeTracking: true,
    consolidationNeeded: true,
    faultTolerant: true,
    encrypted: true,
    snapshots: [],
    tasks: [{ id: expect.stringMatching(/^task-/), kind: 'VirtualMachine.relocate', atWork: true }],
  });
  end();
  let after = await read();
  while (after?.tasks[0]?.atWork) after = await read();
  expect(after?.tasks).toHaveLength(1);
  await vsphere.close();
  await lab.close();
});

test('who lies on a renamed datastore is listed, with bytes that nobody tells until vCenter reads the files again', async () => {
  const lab = await startLabVcenter({ extraVms: 2 });
  const vsphere = lab.connect();
  lab.vcenter.renameDatastore('bulk', 'bulk renamed');
  lab.vcenter.changeVm('bulk 1', {});
  const [disk] = (await vsphere.findVms([{ by: 'name', name: 'bulk 0' }], signal))[0]?.[0]?.disks ?? [];
  if (disk?.backing.kind !== 'vmfs') throw new Error('the disk is not on VMFS');
  lab.takeOperations();
  const neighbours = await vsphere.vmsOnDatastores([disk.backing.datastoreRef], signal);
  expect(neighbours.map(({ name, bytes }) => [name, bytes])).toEqual([
    ['bulk 0', undefined],
    ['bulk 1', expect.any(Number)],
  ]);
  expect(lab.takeOperations()).toEqual(['RetrievePropertiesEx', 'RetrievePropertiesEx']);
  await vsphere.close();
  await lab.close();
});

test('a vCenter of 7.0 is spoken to in its own version', async () => {
  const lab = await startLabVcenter({ apiVersion: '7.0.3.0' });
  const vsphere = lab.connect();
  expect(await vsphere.facts(signal)).toMatchObject({ apiVersion: '7.0.3.0' });
  const [found] = await vsphere.findVms([{ by: 'name', name: 'app01' }], signal);
  expect(found?.[0]?.disks).toHaveLength(4);
  await vsphere.close();
  await lab.close();
});
