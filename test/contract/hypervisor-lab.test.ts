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

const GIB = 1024 ** 3;
const signal = new AbortController().signal;

const common = { diskMode: 'persistent', onSnapshot: false, sharedByWriters: false };

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

test('a vCenter of 7.0 is spoken to in its own version', async () => {
  const lab = await startLabVcenter({ apiVersion: '7.0.3.0' });
  const vsphere = lab.connect();
  expect(await vsphere.facts(signal)).toMatchObject({ apiVersion: '7.0.3.0' });
  const [found] = await vsphere.findVms([{ by: 'name', name: 'app01' }], signal);
  expect(found?.[0]?.disks).toHaveLength(4);
  await vsphere.close();
  await lab.close();
});
