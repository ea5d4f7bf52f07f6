import { vmdkForUpload } from '../../src/image/vmdk-upload.ts';
import { contentlessVolumes } from '../../src/lab/vcenter/storage-side.ts';
import { createAuthority, issueCertificate } from '../../src/lab/world/certificates.ts';
import { Pace } from '../../src/lab/world/pace.ts';
import { systemClock } from '../../src/platform/clock.ts';
import type { VmHardware } from '../../src/ports/vm-hardware.ts';
import type { NewVm, PlaceWish, VmImport } from '../../src/ports/vm-import.ts';
import { createVmImport } from '../../src/vsphere/vm-import.ts';
import { createVmSnapshots } from '../../src/vsphere/vm-snapshots.ts';
import { failure } from '../failure.ts';
import { closeLabs, startLab } from '../lab/vcenter/lab-vcenter.ts';

afterAll(closeLabs);

const signal = new AbortController().signal;
const MIB = 1024 * 1024;
const HASH = { algorithm: 'blake2b-512-tree', leafBytes: 4 * 1024 * 1024, value: 'ab'.repeat(64) } as const;
const HOST = 'esx1.example.org';
const WISH: PlaceWish = { host: HOST, datastore: 'VVOL-1', folder: 'DC1/vm/Empty', resourcePool: 'Gold' };

const opened: VmImport[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});

/** `pace`: a lease of vCenter lasts 300 s. */
async function openWorld(pace = 0.1) {
  const hostTls = await issueCertificate(await createAuthority('authority of the hosts'), HOST);
  const written = new Map<string, Buffer>();
  const volumes = {
    ...contentlessVolumes(),
    write: (objectId: string, atBytes: number, bytes: Buffer) => void written.set(`${objectId} ${atBytes}`, bytes),
  };
  const lab = await startLab({ hostTls, volumes, pace: new Pace(pace) });
  const options = {
    url: lab.vcenter.url,
    username: 'admin@vsphere.local',
    password: async () => 'secret',
    tls: { ca: lab.authority.certificate },
    clock: systemClock,
  };
  const vmImport = createVmImport(options);
  opened.push(vmImport);
  return { lab, options, vmImport, written, place: await vmImport.findPlace(WISH, signal) };
}

const HARDWARE: VmHardware = {
  version: 'vmx-19',
  guestId: 'debian12_64Guest',
  firmware: 'efi',
  secureBoot: true,
  tpm: false,
  cpus: 4,
  coresPerSocket: 2,
  memoryMiB: 8192,
  biosUuid: '4200aaaa-0000-4000-8000-000000000001',
  showsSerials: true,
  controllers: [
    { key: 1000, type: 'ParaVirtualSCSIController', busNumber: 0 },
    { key: 1001, type: 'VirtualLsiLogicSASController', busNumber: 1 },
    { key: 15000, type: 'VirtualAHCIController', busNumber: 0 },
    { key: 31000, type: 'VirtualNVMEController', busNumber: 0 },
    { key: 200, type: 'VirtualIDEController', busNumber: 0 },
  ],
  slots: [1000, 1001, 15000, 31000, 200].map((controller, index) => ({ disk: 2000 + index, controller, unit: 1 })),
  adapters: [
    {
      label: 'Network adapter 1',
      type: 'VirtualE1000e',
      macAddress: '00:50:56:9a:00:01',
      addressType: 'assigned',
      network: { kind: 'standard', name: 'VM Network' },
    },
    {
      label: 'Network adapter 2',
      type: 'VirtualVmxnet3',
      macAddress: undefined,
      addressType: undefined,
      network: { kind: 'other' },
    },
  ],
};

const newVm = (change: Partial<NewVm> = {}): NewVm => ({
  name: 'restored',
  annotation: 'of a test',
  mark: 'l1k2m3n4-abcdef',
  hardware: HARDWARE,
  disks: HARDWARE.slots.map(({ disk }) => ({ key: disk, capacityBytes: MIB })),
  connectNetwork: false,
  takesPlace: false,
  bringsNvram: false,
  ...change,
});

async function* contentOf(byte: number, meanwhile: () => Promise<void> = async () => undefined) {
  for (let at = 0; at < 16; at += 1) yield Buffer.alloc(MIB / 16, at === 3 ? byte : 0);
  await meanwhile();
}

const disk = (byte: number, meanwhile?: () => Promise<void>) =>
  vmdkForUpload({ sizeBytes: MIB, contentHash: HASH }, contentOf(byte, meanwhile));

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}

test('a VM is made with a disk on every kind of controller, each with its own content, and adapters that stay off', async () => {
  const { lab, vmImport, written, place } = await openWorld();
  const begun = await vmImport.begin(newVm(), place, signal);
  for (const { disk: key } of HARDWARE.slots) await begun.upload(key, disk(key - 1999), signal);
  await begun.complete(signal);

  const made = lab.vcenter.vm('restored');
  expect(made).toMatchObject({
    folder: ['Empty'],
    resourcePool: 'Gold',
    host: HOST,
    powerState: 'poweredOff',
    guestId: 'debian12_64Guest',
    firmware: 'efi',
    secureBoot: true,
    cpus: 4,
    coresPerSocket: 2,
    memoryMb: 8192,
    diskUuidEnabled: true,
    adapters: [{ type: 'VirtualE1000e', network: 'VM Network', startConnected: false, addressType: 'generated' }],
  });
  expect(made.biosUuid).not.toBe(HARDWARE.biosUuid);
  for (const [index, { controllerKey, unitNumber, backing }] of made.disks.entries()) {
    expect([controllerKey, unitNumber]).toEqual([HARDWARE.slots[index]?.controller, 1]);
    const objectId = backing.kind === 'vvol' ? backing.backingObjectId : '';
    expect(written.get(`${objectId} ${3 * (MIB / 16)}`)?.[0]).toBe(index + 1);
  }
  expect(await vmImport.vm(begun.vm, signal)).toMatchObject({
    name: 'restored',
    mark: 'l1k2m3n4-abcdef',
    poweredOff: true,
  });
  expect((await vmImport.vmsIn(place.folder, signal)).map(({ moRef }) => moRef)).toEqual([begun.vm]);

  await vmImport.identify(begun.vm, { name: 'renamed', instanceUuid: 'new' }, signal);
  expect(lab.vcenter.vm('renamed').instanceUuid).not.toBe(made.instanceUuid);
  await vmImport.destroy(begun.vm, signal);
  await vmImport.destroy(begun.vm, signal);
  expect(await vmImport.vm(begun.vm, signal)).toBeUndefined();
  await begun.abort(signal);
});

test('settings of the firmware lie beside the configuration that names them before the VM is complete, and an answer of another content is an error', async () => {
  const { lab, vmImport, place } = await openWorld();
  const begun = await vmImport.begin(newVm({ bringsNvram: true }), place, signal);
  const content = Buffer.from('settings of a firmware');

  expect(lab.vcenter.nvramOf('restored')).toBeUndefined();
  await begun.writeNvram(content, signal);
  expect(lab.vcenter.nvramOf('restored')).toEqual(content);

  for (const [operation, status, code] of [
    ['PUT /folder', 403, 'E_VCENTER_RIGHTS'],
    ['PUT /folder', 302, 'E_VCENTER'],
    ['GET /folder', 200, 'E_VCENTER'],
  ] as const) {
    lab.faults.add({ system: 'vcenter', operation, when: 'before', nth: 1, action: { do: 'answer', status } });
    expect(await failure(begun.writeNvram(content, signal))).toMatchObject({ code });
  }
  await begun.abort(signal);
});

test('disks move to another VM at free SCSI places, running or not, in one change, and their files stay', async () => {
  const { lab, options, vmImport, place } = await openWorld();
  const brings = await vmImport.begin(newVm({ name: 'brings' }), place, signal);
  await brings.complete(signal);
  const takes = await vmImport.begin(newVm({ name: 'takes' }), place, signal);
  await takes.complete(signal);
  lab.vcenter.setPowerState('takes', 'poweredOn');
  const { files = [], host } = (await vmImport.disksOf(brings.vm, signal)) ?? {};
  expect([files.length, host]).toEqual([HARDWARE.slots.length, HOST]);
  const own = lab.vcenter.vm('takes').disks;

  lab.vcenter.changeVm('takes', { connectionState: 'inaccessible' });
  expect(await vmImport.usersOf({ files, vm: brings.vm }, signal)).toEqual({ users: [], unreadable: ['takes'] });
  lab.vcenter.changeVm('takes', { connectionState: 'connected' });

  await vmImport.attach({ vm: takes.vm, files }, signal);
  expect(await vmImport.usersOf({ files, vm: brings.vm }, signal)).toEqual({ users: ['takes'], unreadable: [] });
  await vmImport.detach({ vm: brings.vm, files }, signal);
  await vmImport.detach({ vm: brings.vm, files }, signal);

  const added = lab.vcenter.vm('takes').disks.slice(own.length);
  expect(added.map(({ backing }) => 'fileName' in backing && backing.fileName)).toEqual(files);
  expect(new Set(added.map(({ diskMode }) => diskMode))).toEqual(new Set(['persistent']));
  expect(added.map(({ controllerKey, unitNumber }) => `${controllerKey}:${unitNumber}`)).not.toContainEqual(
    expect.stringMatching(/^(15000|31000|200):/),
  );
  expect(await vmImport.disksOf(brings.vm, signal)).toMatchObject({ files: [] });
  expect(await vmImport.usersOf({ files, vm: takes.vm }, signal)).toEqual({ users: [], unreadable: [] });

  const snapshots = createVmSnapshots(options);
  await snapshots.create({ vm: takes.vm, name: 'later', description: '', quiesce: undefined }, signal);
  await snapshots.close();
  expect(await vmImport.usersOf({ files, vm: brings.vm }, signal)).toEqual({ users: ['takes'], unreadable: [] });
  expect((await vmImport.disksOf(takes.vm, signal))?.uses).toEqual(expect.arrayContaining([...files]));

  const { freePlaces = 0 } = (await vmImport.disksOf(takes.vm, signal)) ?? {};
  const tooMany = Array.from({ length: freePlaces + 1 }, () => files[0] ?? '');
  expect(await failure(vmImport.attach({ vm: takes.vm, files: tooMany }, signal))).toMatchObject({ code: 'E_RESTORE' });
});

test('vCenter is told of a restore that takes its time, and gives up one that went silent: nothing of its VM is left', async () => {
  const { lab, vmImport, place } = await openWorld(0.01);
  const signs = () =>
    lab.events.events.filter(({ operation, kind }) => operation === 'HttpNfcLeaseProgress' && kind === 'answer');
  const one = { disks: [{ key: 2000, capacityBytes: MIB }] };

  // Not every sign is heard.
  lab.faults.add({
    system: 'vcenter',
    operation: 'HttpNfcLeaseProgress',
    when: 'before',
    nth: 1,
    action: { do: 'answer', status: 502 },
  });
  const slow = await vmImport.begin(newVm({ ...one, name: 'slow' }), place, signal);
  await slow.upload(
    2000,
    disk(1, () => until(() => signs().length > 4)),
    signal,
  );
  await slow.complete(signal);
  expect(lab.vcenter.vmNames()).toContain('slow');

  const other = await openWorld(0.002);
  const silent = await other.vmImport.begin(newVm({ ...one, name: 'silent' }), other.place, signal);
  await other.vmImport.close();
  await until(() => !other.lab.vcenter.vmNames().includes('silent'));
  expect(await failure(silent.upload(2000, disk(1), signal))).toBeInstanceOf(Error);
});

test('an import that is ended leaves no VM, and a disk that is cut off or of another size is not taken', async () => {
  const { lab, vmImport, place } = await openWorld();
  const begun = await vmImport.begin(newVm(), place, signal);
  const cut = new Error('the image is not as it should be');

  expect(
    await failure(
      begun.upload(
        2000,
        disk(1, () => Promise.reject(cut)),
        signal,
      ),
    ),
  ).toBe(cut);
  expect(
    await failure(begun.upload(2000, vmdkForUpload({ sizeBytes: 2 * MIB, contentHash: HASH }, contentOf(1)), signal)),
  ).toMatchObject({
    code: 'E_VCENTER',
  });
  expect(lab.events.events.some(({ operation }) => operation === 'take-disk')).toBe(false);
  await begun.abort(signal);
  expect(lab.vcenter.vmNames()).not.toContain('restored');
  await vmImport.abort(begun.lease, signal);
});

test('a place that is not there is refused with those that are', async () => {
  const { vmImport } = await openWorld();

  for (const [wish, hint] of [
    [{ host: 'esx9' }, HOST],
    [{ datastore: 'VVOL-9' }, 'VVOL-1'],
    [{ host: 'esx2.example.org' }, 'VMFS-1'],
    [{ folder: 'DC1/vm/nowhere' }, 'inventory path'],
    [{ resourcePool: 'Silver' }, '--resource-pool'],
  ] as const) {
    expect(await failure(vmImport.findPlace({ ...WISH, ...wish }, signal))).toMatchObject({
      code: 'E_RESTORE',
      hint: expect.stringContaining(hint),
    });
  }
});
