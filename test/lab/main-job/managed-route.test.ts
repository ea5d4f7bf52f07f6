import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { jobSpec } from '../../../src/cli/compose.ts';
import { planVerb } from '../../../src/cli/plan-verb.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { post } from '../../../src/job/post.ts';
import { pre } from '../../../src/job/pre.ts';
import { DATABASE_VM, PROXY_VM } from '../../../src/lab/estate.ts';
import { ARRAY_ID } from '../../../src/lab/estate-array.ts';
import { ESX } from '../../../src/lab/estate-vms.ts';
import type { DiskInventory } from '../../../src/lab/vcenter/inventory.ts';
import { arrayId } from '../../../src/ports/identity.ts';
import { treeHashOf } from '../../tree-hash-of.ts';
import { openSite, type Site } from './site.ts';

const ADDED: DiskInventory = {
  key: 2009,
  label: 'Hard disk 10',
  controllerKey: 1000,
  unitNumber: 9,
  capacityBytes: 1024 * 1024,
  backing: { kind: 'nfs', datastore: 'nfs-ds01', fileName: '[nfs-ds01] sql01/added.vmdk' },
};

const silent = { info: () => undefined, warn: () => undefined, progress: () => undefined };

let site: Site;
beforeAll(async () => {
  site = await openSite({ estate: { disks: 3, cylinders: 6, disksAre: 'vvol' }, vvolSnapVx: 'refused' });
});
afterAll(() => site.close());
afterEach(() => {
  expect(site.leftBehind()).toEqual([]);
});

/** The point in time that vSphere had the array make of each device, by device. */
function pointsInTime(): ReadonlyMap<string, Buffer> {
  return new Map(
    site.lab.store.devices().flatMap(({ id, sizeBytes }) => {
      const snapshot = site.lab.store.snapshots(id).find(({ name }) => name.startsWith('VASA-'));
      return snapshot ? [[id, site.lab.store.readSnapshot(id, snapshot.snapId).read(0, sizeBytes)]] : [];
    }),
  );
}

const manifestOf = (directory: string) =>
  JSON.parse(readFileSync(path.join(directory, 'snaphook-manifest.json'), 'utf8'));

test('vVols that refuse user snapshots are captured by a VM snapshot and read by hot-add, byte for byte, with the application quiet', async () => {
  const { plan, files, directory, capture } = await site.pre({ job: 'managed' });
  const points = pointsInTime();

  expect(plan.route).toEqual({ name: 'managed', because: 'the job asks for it' });
  expect(capture.vms[0]).toMatchObject({ grade: 'application', reasons: [] });
  expect(files).toHaveLength(3);
  for (const [index, { device }] of site.lab.estate.guestDisks.entries()) {
    const image = readFileSync(path.join(directory, files[index]?.path ?? ''));
    expect(image.equals(points.get(device)?.subarray(0, image.length) ?? Buffer.alloc(0))).toBe(true);
    expect(files[index]?.contentHash).toEqual(treeHashOf(image));
  }
  const attached = site.lab.vcenter.vm(PROXY_VM).disks.slice(1);
  expect(attached.map(({ diskMode }) => diskMode)).toEqual(Array(3).fill('independent_nonpersistent'));
  expect(manifestOf(directory)).toMatchObject({
    route: { name: 'managed', because: 'the job asks for it' },
    proxyVm: { name: PROXY_VM },
    commonInstant: true,
  });
  await site.post('managed');
});

test('how long VM snapshots took decides how the guest is held, and the plan says so before and the manifest after', async () => {
  const planText = async () => {
    const request = { configFile: site.lab.configFile, job: 'managed', vms: [] };
    return (await planVerb(request, silent, new AbortController().signal)).text;
  };
  expect(await planText()).toMatch(/a snapshot of a VM took .* s are expected/);
  await site.withPorts(async ({ establishTimes, clock }) => {
    const array = arrayId(ARRAY_ID);
    const at = clock.now().toISOString();
    await establishTimes.remember({ array, by: 'vm-snapshot', devices: 3, tookMs: 7000, answered: true, at });
  });
  expect(await planText()).toMatch(
    /hold precommit: a snapshot of the VM is expected to need 10\.5 s, longer than all writes can be held; disks: 3 vVol: by VM snapshots/,
  );

  const { directory } = await site.pre({ job: 'managed' });

  expect(manifestOf(directory)).toMatchObject({
    vms: [{ frozenBy: { strategy: 'vss-provider', hold: 'precommit', because: expect.stringContaining('10.5 s') } }],
    warnings: expect.arrayContaining([expect.stringContaining('only applications of VSS are held')]),
  });
  await site.post('managed');
  rmSync(path.join(site.lab.directory, 'state', 'establish-times.json'));
});

test('added disks that cannot be flushed are taken away all the same', async () => {
  await site.pre({ job: 'managed' });

  const told: string[] = [];
  await site.withPorts(async (ports) => {
    const releaseDevices = async () => {
      throw new Error('the device does not answer');
    };
    const reporter = { ...ports.reporter, warn: (message: string) => void told.push(message) };
    const spec = jobSpec(loadConfig(site.lab.configFile), 'managed');
    await post({ ...ports, reporter, proxy: { ...ports.proxy, releaseDevices } }, spec);
  });

  expect(told).toContainEqual(expect.stringContaining('could not be flushed'));
  expect(site.lab.vcenter.vm(PROXY_VM).disks).toHaveLength(1);
});

test('two VMs have a snapshot and a freeze window each, and plan and manifest say that they share no instant', async () => {
  const { plan, capture, directory } = await site.pre({ job: 'managed-both' });

  expect(capture.vms.map(({ grade }) => grade)).toEqual(['application', 'application']);
  expect(plan.warnings).toContainEqual(expect.stringContaining('no common point in time'));
  expect(manifestOf(directory)).toMatchObject({ commonInstant: false });
  await site.post('managed-both');
});

test('a guest quiesced by VMware Tools is graded filesystem at best, and crash when Tools did nothing', async () => {
  const told: string[] = [];
  site.lab.guest.tools.scripts = [
    { name: '10-app', run: async (phase) => told.push(`${phase} ${site.lab.isFrozen()}`) * 0 },
  ];
  const first = await site.pre({ job: 'managed-tools' });
  expect(first.capture.vms[0]).toMatchObject({ grade: 'filesystem' });
  // The guest's own scripts stand around the freeze, and no log is cut: VMware Tools are asked for a copy backup.
  expect(told).toEqual(['freeze false', 'thaw false']);
  expect(site.lab.events.events.filter(({ operation }) => operation === 'BackupComplete').at(-1)?.detail).toMatchObject(
    {
      backupType: 'copy',
      logsTruncated: false,
    },
  );
  site.lab.guest.tools.scripts = [];
  await site.post('managed-tools');

  const { guest } = site.lab.vcenter.vm(site.lab.guestName);
  if (guest) site.lab.vcenter.setGuest(site.lab.guestName, { ...guest, toolsRunningStatus: 'guestToolsNotRunning' });
  try {
    expect(await site.failingPre({ job: 'managed-tools' })).toMatchObject({ code: 'E_GRADE' });
  } finally {
    site.lab.vcenter.setGuest(site.lab.guestName, guest);
  }
  expect(await site.failingPre({ job: 'managed-tools', spec: { grade: 'application' } })).toMatchObject({
    code: 'E_GRADE',
  });
});

test('a guest that Tools cannot quiesce fails the run with nothing left', async () => {
  const { guest } = site.lab.vcenter.vm(site.lab.guestName);
  if (guest) site.lab.vcenter.setGuest(site.lab.guestName, { ...guest, quiesce: 'application-fails' });
  try {
    expect(await site.failingPre({ job: 'managed-tools' })).toMatchObject({ code: 'E_FREEZE_FAILED' });
  } finally {
    site.lab.vcenter.setGuest(site.lab.guestName, guest);
  }
});

test('VMware Tools are refused on the other route, which takes no VM snapshot', async () => {
  expect(await site.failingPre({ job: 'managed-tools', spec: { route: 'snapvx' } })).toMatchObject({
    code: 'E_CONFIG',
  });
});

test.each([
  ['is not powered on', { powerState: 'poweredOff' as const }],
  ['does not show the serials of its disks', { diskUuidEnabled: false }],
  [
    'has room for 0 more disk(s), and 3 are to be added',
    { controllers: [{ key: 1000, type: 'VirtualAHCIController' as const }] },
  ],
])('a proxy VM that %s is refused before a guest is touched', async (trouble, change) => {
  const before = site.lab.vcenter.vm(PROXY_VM);
  site.lab.vcenter.changeVm(PROXY_VM, change);
  try {
    expect(await site.failingPre({ job: 'managed' })).toMatchObject({
      code: 'E_PROXY_DEVICE',
      message: expect.stringContaining(trouble),
    });
  } finally {
    site.lab.vcenter.changeVm(PROXY_VM, before);
  }
});

test.each([
  ['does not mount', { hosts: [] }],
  ['does not reach', { unreachedBy: [ESX] }],
])('a proxy VM whose host %s the datastore of a disk is refused before a guest is touched', async (trouble, change) => {
  const { vcenter } = site.lab;
  const snapshots = () => site.lab.events.events.filter(({ operation }) => operation === 'CreateSnapshot_Task').length;
  const before = snapshots();
  vcenter.changeDatastore('vvol-ds01', change);
  try {
    expect(await site.failingPre({ job: 'managed' })).toMatchObject({
      code: 'E_PROXY_DEVICE',
      message: expect.stringContaining(`its ESXi host "${ESX}" ${trouble} datastore "vvol-ds01"`),
    });
    expect(snapshots()).toBe(before);
  } finally {
    vcenter.changeDatastore('vvol-ds01', { hosts: [ESX], unreachedBy: [] });
  }
});

test('a disk that is being read by one run is not added a second time: both would have one serial', async () => {
  await site.pre({ job: 'managed' });
  expect(await site.failingPre({ job: 'managed-both' })).toMatchObject({ code: 'E_RUN_OPEN' });
  await site.post('managed');
});

test('disks that are no part of VM snapshots are refused by name', async () => {
  const { disks } = site.lab.vcenter.vm(site.lab.guestName);
  const changed = disks.map((disk, index) => (index === 1 ? { ...disk, diskMode: 'independent_persistent' } : disk));
  site.lab.vcenter.changeVm(site.lab.guestName, { disks: changed });
  try {
    expect(await site.failingPre({ job: 'managed' })).toMatchObject({
      code: 'E_DISK_UNSUPPORTED',
      message: expect.stringContaining('Hard disk 2'),
    });
  } finally {
    site.lab.vcenter.changeVm(site.lab.guestName, { disks });
  }
});

describe('a disk that is added', () => {
  afterEach(() => site.lab.vcenter.removeDisk(DATABASE_VM, ADDED.key));
  const addWhenCalled = (system: 'guest' | 'vcenter', operation: string) => {
    const run = async () => site.lab.vcenter.addDisk(DATABASE_VM, ADDED);
    site.lab.faults.add({ system, operation, when: 'before', nth: 1, action: { do: 'call', run } });
  };
  const snapshotsTaken = () =>
    site.lab.events.events.filter(({ kind, operation }) => kind === 'request' && operation === 'CreateSnapshot_Task')
      .length;

  test('since the plan ends the run before a guest is frozen or a snapshot taken', async () => {
    const before = snapshotsTaken();
    addWhenCalled('guest', 'exec serve');
    expect(await site.failingPre({ job: 'managed-both' })).toMatchObject({
      code: 'E_VM_CHANGED',
      message: expect.stringContaining('now: disk "Hard disk 10"'),
    });
    expect(snapshotsTaken()).toBe(before);
  });

  test('inside the window is found in the VM snapshot and ends the run', async () => {
    addWhenCalled('vcenter', 'CreateSnapshot_Task');
    expect(await site.failingPre({ job: 'managed' })).toMatchObject({
      code: 'E_VM_CHANGED',
      message: expect.stringContaining('which was not planned'),
    });
  });
});

test('a Storage vMotion that begins while the disks are read ends the run, and nothing is left', async () => {
  const spec = jobSpec(loadConfig(site.lab.configFile), 'managed');
  const context = {
    job: 'managed',
    integration: 'test',
    instance: undefined,
    productRunId: undefined,
    level: undefined,
  };
  let end: (() => void) | undefined;
  const run = site.withPorts((ports) => {
    const write: typeof ports.images.write = (...image) => {
      end ??= site.lab.vcenter.beginTask(DATABASE_VM, {
        name: 'RelocateVM_Task',
        descriptionId: 'VirtualMachine.relocate',
      });
      return ports.images.write(...image);
    };
    // It would keep the VM snapshot from being removed: it ends when the run begins to undo what it did.
    const releaseDevices: typeof ports.proxy.releaseDevices = async (...devices) => {
      end?.();
      return ports.proxy.releaseDevices(...devices);
    };
    return pre(
      { ...ports, images: { ...ports.images, write }, proxy: { ...ports.proxy, releaseDevices } },
      spec,
      context,
      new AbortController().signal,
    );
  });
  await expect(run).rejects.toMatchObject({
    code: 'E_VM_CHANGED',
    message: expect.stringContaining('VirtualMachine.relocate'),
  });
});

test('where the array takes snapshots by storage group, none is made: the array takes no snapshot here', async () => {
  const grouped = await openSite({
    estate: { disks: 1, cylinders: 6, disksAre: 'vvol' },
    arrayKnobs: { deviceListSnapVx: 'absent' },
  });
  try {
    const { plan } = await grouped.pre({ job: 'managed' });
    expect(plan.array.snapVxApi).toBe('storage-group');
    expect(grouped.lab.changedMembers()).toEqual([]);
    await grouped.post('managed');
    expect(grouped.leftBehind()).toEqual([]);
  } finally {
    await grouped.close();
  }
});

describe.each([
  ['is lost', { do: 'drop' }],
  ['is an HTTP 503', { do: 'answer', status: 503, body: '' }],
] as const)('when the answer of vCenter to what it did %s', (_, action) => {
  const lose = (operation: string) =>
    site.lab.faults.add({ system: 'vcenter', operation, when: 'after', nth: 1, action });

  test('to the snapshot, it is found by its name, and is crash-consistent at best', async () => {
    lose('CreateSnapshot_Task');
    const { capture, degraded } = await site.pre({ job: 'managed', spec: { onLowerGrade: 'degrade' } });

    expect(capture.vms[0]).toMatchObject({ grade: 'crash', reasons: [expect.stringContaining('did not confirm')] });
    expect(degraded).toBe(true);
    await site.post('managed');
  });

  test('to the added disks, they are found on the proxy VM and not added again', async () => {
    lose('ReconfigVM_Task');
    const { files } = await site.pre({ job: 'managed' });

    expect(files).toHaveLength(3);
    expect(site.lab.vcenter.vm(PROXY_VM).disks).toHaveLength(4);
    await site.post('managed');
  });

  test.each(['ReconfigVM_Task', 'RemoveSnapshot_Task'])(
    'to the release (%s), what happened is looked at',
    async (operation) => {
      await site.pre({ job: 'managed' });
      lose(operation);
      await site.post('managed');
    },
  );
});

test('a task of somebody else on the proxy VM is waited for', async () => {
  const { vcenter } = site.lab;
  const boot = vcenter.vm(PROXY_VM).disks;
  site.lab.faults.add({
    system: 'vcenter',
    operation: 'ReconfigVM_Task',
    when: 'before',
    nth: 1,
    action: { do: 'call', run: () => vcenter.occupy(PROXY_VM, 2000) },
  });
  await site.pre({ job: 'managed' });
  expect(vcenter.vm(PROXY_VM).disks).toHaveLength(boot.length + 3);
  await site.post('managed');
});
