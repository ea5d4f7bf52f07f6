import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { PreResult } from '../../../src/job/pre.ts';
import { LINUX_VM } from '../../../src/lab/estate.ts';
import { SECOND_DATASTORE } from '../../../src/lab/estate-storage.ts';
import type { DiskInventory } from '../../../src/lab/vcenter/inventory.ts';
import { openSite, type Site } from './site.ts';

// A hundred megabytes are copied, compared and removed again: on a busy machine that takes its time.
jest.setTimeout(180_000);

const MIB = 1024 * 1024;
/** VMs without settings for their guest. */
const unfrozen = { freeze: 'none', grade: 'crash' } as const;

let site: Site;
beforeAll(async () => {
  site = await openSite({ estate: { linuxDatastoreDisk: true } });
});
afterAll(() => site.close());
afterEach(() => {
  site.lab.faults.clear();
  expect(site.leftBehind()).toEqual([]);
});

const establishes = () =>
  site.lab.events.events.filter(({ kind, operation }) => kind === 'request' && operation === 'POST private/snapshot');

/** Marks the devices, so that an image of another one, or of zeros, cannot pass. */
function writeMarks(devices: readonly string[]): void {
  for (const device of devices) {
    site.lab.store.open(device).write(5 * MIB, Buffer.from(`bytes of device ${device}, written before the snapshot`));
  }
}

/** Every image holds the bytes of its device's snapshot, and the mark of that device. */
function expectImagesOf({ plan, files, directory, capture }: PreResult, devices: readonly string[]): void {
  expect(plan.devices.map(({ device }) => device)).toEqual(devices);
  expect(files).toHaveLength(devices.length);
  for (const file of files) {
    const device = plan.devices.find(({ imagePath }) => imagePath === file.path)?.device ?? '';
    const snapshot = site.lab.store.readSnapshot(device, capture.snapId ?? -1).read(0, file.sizeBytes);
    expect(snapshot.toString('latin1', 5 * MIB, 5 * MIB + 21)).toBe(`bytes of device ${device}`);
    expect(readFileSync(path.join(directory, file.path)).equals(snapshot)).toBe(true);
  }
}

const manifestOf = ({ directory, manifest }: PreResult): unknown =>
  JSON.parse(readFileSync(path.join(directory, manifest), 'utf8'));

test('mobility ids: devices whose names tell neither array nor device are found, and their bytes handed over', async () => {
  writeMarks(['00311', '00312']);

  const result = await site.pre({ job: 'no-freeze', vms: ['mobile01'], spec: unfrozen });

  expectImagesOf(result, ['00311', '00312']);
  expect(result.plan.warnings).toEqual([
    expect.stringMatching(/"00312" has inherited the identity of 000197900001\/00077/),
  ]);
  await site.post('no-freeze');
});

test('mixed datastores: a vVol, a VMFS of two extents and a raw device are one establish, and every byte is handed over', async () => {
  const devices = ['00321', ...SECOND_DATASTORE.extents, '00322'];
  writeMarks(devices);
  const before = establishes().length;

  const result = await site.pre({ job: 'no-freeze', vms: ['mixed01'], spec: { ...unfrozen, collateral: 'warn' } });

  expect(establishes().length - before).toBe(1);
  expectImagesOf(result, devices);
  expect(result.plan.vms[0]?.disks.map(({ storage, devices: on }) => [storage, on])).toEqual([
    ['vvol', ['00321']],
    ['vmfs', SECOND_DATASTORE.extents],
    ['rdm', ['00322']],
  ]);
  const { uuid, volumeUuid } = SECOND_DATASTORE.volume;
  expect(manifestOf(result)).toMatchObject({
    images: [
      { device: '00321', signature: {} },
      { device: '00211', signature: { vmfs: { volumeUuid, fileSystemUuid: uuid } } },
      { device: '00212', signature: { vmfs: { volumeUuid } } },
      { device: '00322', signature: {} },
    ],
    collateral: [{ datastore: 'vmfs-ds02', vms: [{ name: 'pg01', poweredOn: true, state: 'not-prepared' }] }],
  });
  await site.post('no-freeze');
});

test('neighbours on a captured datastore are frozen in the same window when the job says so', async () => {
  const seq = site.lab.events.events.length;

  const result = await site.pre({
    job: 'no-freeze',
    vms: ['mixed01'],
    spec: { freeze: 'auto', grade: 'crash', collateral: 'prepare' },
  });

  const kinds = site.lab.events.since(seq).map(({ system, operation }) => `${system} ${operation}`);
  expect(kinds.some((one) => /freeze/i.test(one))).toBe(true);
  expect(result.plan.vms.map(({ name, role, freeze }) => [name, role, freeze])).toEqual([
    ['mixed01', 'selected', 'none'],
    ['pg01', 'neighbour', 'linux-fsfreeze'],
  ]);
  expect(result.plan.vms[1]?.disks.map(({ storage }) => storage)).toEqual(['vmfs']);
  expect(result.capture.vms.map(({ grade }) => grade)).toEqual([
    'crash',
    expect.stringMatching(/application|filesystem/),
  ]);
  expect(result.plan.collateral[0]?.vms).toMatchObject([{ name: 'pg01', state: 'prepared' }]);
  await site.post('no-freeze');
});

describe('a neighbour whose disks change between plan and freeze', () => {
  const prepare = {
    job: 'no-freeze',
    vms: ['mixed01'],
    spec: { freeze: 'auto', grade: 'crash', collateral: 'prepare' },
  } as const;
  const change = (disks: (known: readonly DiskInventory[]) => readonly DiskInventory[]) => {
    const known = site.lab.vcenter.vm(LINUX_VM).disks;
    const run = async () => site.lab.vcenter.changeVm(LINUX_VM, { disks: disks(known) });
    const action = { do: 'call', run } as const;
    site.lab.faults.add({ system: 'guest', operation: 'exec serve', when: 'before', nth: 1, action });
    return () => site.lab.vcenter.changeVm(LINUX_VM, { disks: known });
  };

  test('on a captured datastore: the run ends before any guest is frozen', async () => {
    const restore = change((known) => known.slice(0, -1));
    try {
      expect(await site.failingPre(prepare)).toMatchObject({
        code: 'E_VM_CHANGED',
        message: expect.stringMatching(/"pg01".*no longer: disk "Hard disk 3"/),
      });
    } finally {
      restore();
    }
  });

  test('elsewhere: the run goes on, as it captures none of that', async () => {
    const restore = change((known) => known.slice(1));
    try {
      const { plan } = await site.pre(prepare);
      expect(plan.vms.map(({ role, selectedBy }) => [role, selectedBy])).toEqual([
        ['selected', ['mixed01']],
        ['neighbour', []],
      ]);
      await site.post('no-freeze');
    } finally {
      restore();
    }
  });
});

describe('a VM that comes to a captured datastore while guests are prepared', () => {
  const name = 'newcomer01';
  beforeEach(() => {
    const run = async () => {
      site.lab.vcenter.addVm('DC1', {
        ...site.lab.vcenter.vm('mixed01'),
        name,
        instanceUuid: '500c1e5a-0000-4000-8000-0000000000ff',
        vmPathName: `[${SECOND_DATASTORE.name}] ${name}/${name}.vmx`,
        disks: site.lab.vcenter.vm(LINUX_VM).disks.slice(-1),
      });
    };
    const action = { do: 'call', run } as const;
    site.lab.faults.add({ system: 'guest', operation: 'exec serve', when: 'before', nth: 1, action });
  });
  afterEach(() => site.lab.vcenter.removeVm(name));

  test('ends the run before any is frozen', async () => {
    const before = establishes().length;
    const error = await site.failingPre({
      job: 'no-freeze',
      vms: ['mixed01'],
      spec: { freeze: 'auto', grade: 'crash', collateral: 'prepare' },
    });
    expect(error).toMatchObject({
      code: 'E_VM_CHANGED',
      message: expect.stringContaining(`VM "${name}" came to datastore "${SECOND_DATASTORE.name}"`),
    });
    expect(establishes()).toHaveLength(before);
  });

  test('is in the manifest of a job that captures others as they are', async () => {
    const result = await site.pre({ job: 'linux', spec: { grade: 'crash', collateral: 'warn' } });

    expect(result.plan.collateral[0]?.vms.map((vm) => vm.name)).not.toContain(name);
    expect(manifestOf(result)).toMatchObject({
      collateral: [
        { datastore: SECOND_DATASTORE.name, vms: expect.arrayContaining([expect.objectContaining({ name })]) },
      ],
      warnings: expect.arrayContaining([expect.stringContaining(`since the plan: VM "${name}" came to`)]),
    });
    await site.post('linux');
  });
});

test('neighbours that cannot be prepared are all named, and nothing is touched', async () => {
  const before = establishes().length;

  const error = await site.failingPre({
    job: 'no-freeze',
    vms: ['sql01', 'web01'],
    spec: { freeze: 'auto', grade: 'crash', collateral: 'prepare' },
  });

  expect(error).toMatchObject({ code: 'E_COLLATERAL' });
  expect(error.message).toMatch(/"app02" \(no settings.*"dup"/);
  expect(error.message).not.toMatch(/"template01"|"pg01"/);
  expect(establishes()).toHaveLength(before);
});

test('a target that shows another VMFS than the datastore it stands for is refused before anything is handed over', async () => {
  const [head = ''] = SECOND_DATASTORE.extents;
  const device = site.lab.store.open(head);
  const at = MIB + 0x1300000 + 9;
  const original = device.read(at, 16);
  device.write(at, Buffer.alloc(16, 0x11));
  try {
    const error = await site.failingPre({
      job: 'no-freeze',
      vms: ['mixed01'],
      spec: { ...unfrozen, collateral: 'warn' },
    });
    expect(error).toMatchObject({
      code: 'E_PROXY_DEVICE',
      message: expect.stringMatching(
        /shows VMFS "11111111-11111111-1111-111111111111", but datastore "vmfs-ds02" is "60a1b2c3/,
      ),
    });
  } finally {
    device.write(at, original);
  }
});

test('a target without any VMFS header is refused: it shows something else than its source', async () => {
  const device = site.lab.store.open(SECOND_DATASTORE.extents[1] ?? '');
  const original = device.read(2 * MIB, 4096);
  device.write(2 * MIB, Buffer.alloc(4096));
  try {
    const change = { job: 'no-freeze', vms: ['mixed01'], spec: { ...unfrozen, collateral: 'warn' as const } };
    expect(await site.failingPre(change)).toMatchObject({
      code: 'E_PROXY_DEVICE',
      message: expect.stringContaining('source "00212" is an extent of datastore "vmfs-ds02"'),
    });
  } finally {
    device.write(2 * MIB, original);
  }
});
