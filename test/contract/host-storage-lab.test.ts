import { systemClock } from '../../src/platform/clock.ts';
import type { SnaphookError } from '../../src/ports/errors.ts';
import type { HostStorage } from '../../src/ports/host-storage.ts';
import { moRef } from '../../src/ports/identity.ts';
import { createHostStorage } from '../../src/vsphere/host-storage.ts';
import { COPY_A, COPY_B, HOST, ORIGINAL_UUID, openCopiedVolume, SECOND_COPY_A } from '../lab/vcenter/copied-volume.ts';
import { closeLabs } from '../lab/vcenter/lab-vcenter.ts';
import { NAA_A, NAA_B } from '../lab/vcenter/sample-inventory.ts';

afterAll(closeLabs);

const signal = new AbortController().signal;
const COPIES = [COPY_A, COPY_B];

const opened: HostStorage[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});

async function openWorld() {
  const world = await openCopiedVolume();
  const storage = createHostStorage({
    url: world.lab.vcenter.url,
    username: 'admin@vsphere.local',
    password: async () => 'secret',
    tls: { ca: world.lab.authority.certificate },
    clock: systemClock,
  });
  opened.push(storage);
  return { ...world, storage, host: await storage.findHost(HOST, signal) };
}

/** Presented, scanned and given a new signature. */
async function openMounted() {
  const world = await openWorld();
  const { storage, host, present } = world;
  present(...COPIES);
  await storage.rescan(host.moRef, signal);
  const [copy] = await storage.unresolvedCopies(host.moRef, signal);
  await storage.resignature(host.moRef, copy?.extents.map(({ devicePath }) => devicePath) ?? [], signal);
  const [datastore] = await storage.datastoresOn(COPIES, signal);
  if (!datastore) throw new Error('no datastore was found');
  return { ...world, datastore };
}

const failure = async (work: Promise<unknown>): Promise<SnaphookError> => {
  try {
    await work;
  } catch (error) {
    return error as SnaphookError; // the tests look at its fields; anything else fails them
  }
  throw new Error('it succeeded');
};

test('a host is found by its name with what a VM needs to be registered on it; an unknown one is told with those there are', async () => {
  const { storage, host, lab } = await openWorld();

  expect(host).toMatchObject({ name: HOST, unusable: undefined });
  const home = await storage.homeOf(moRef(lab.vcenter.moRefOf('chained')), signal);
  expect(home).toMatchObject({ vmPathName: '[VMFS-1] chained/chained.vmx', datacenter: host.datacenter });
  expect(await storage.findFolder('/DC1/vm/Empty', signal)).toMatchObject({ datacenter: host.datacenter });
  const unknown = await failure(storage.findHost('esx9', signal));
  expect(unknown).toMatchObject({ code: 'E_CLONE', hint: expect.stringContaining(HOST) });
  expect((await failure(storage.findFolder('DC1/vm/nowhere', signal))).code).toBe('E_CLONE');
});

test('a copy is found by its devices after a scan, gets a new signature, and the original stays as it is', async () => {
  const { storage, host, present, contentOf } = await openWorld();
  const [original] = await storage.datastoresOn([NAA_A], signal);
  const bytes = [contentOf(NAA_A), contentOf(NAA_B)];
  present(...COPIES);
  expect(await storage.devices(host.moRef, COPIES, signal)).toEqual([]);
  await storage.rescan(host.moRef, signal);

  expect(await storage.devices(host.moRef, COPIES, signal)).toEqual(
    COPIES.map((canonicalName) => ({ canonicalName, state: 'ok' })),
  );
  const copies = await storage.unresolvedCopies(host.moRef, signal);
  expect(copies).toMatchObject([{ label: 'VMFS-1', vmfsUuid: ORIGINAL_UUID, unresolvable: undefined }]);
  expect(copies[0]?.extents.map(({ canonicalName }) => canonicalName)).toEqual(COPIES);
  await storage.resignature(host.moRef, copies[0]?.extents.map(({ devicePath }) => devicePath) ?? [], signal);

  expect(await storage.unresolvedCopies(host.moRef, signal)).toEqual([]);
  expect(await storage.datastoresOn(COPIES, signal)).toMatchObject([
    {
      name: expect.stringMatching(/^snap-[0-9a-f]{8}-VMFS-1$/),
      extents: COPIES,
      hosts: [{ host: host.moRef, mounted: true }],
      vms: [],
    },
  ]);
  expect(await storage.datastoresOn([NAA_A], signal)).toEqual([original]);
  expect([contentOf(NAA_A), contentOf(NAA_B)].every((now, index) => bytes[index]?.equals(now))).toBe(true);
});

test('incomplete and doubled copies are told as such', async () => {
  const { storage, host, present } = await openWorld();
  present(COPY_A);
  await storage.rescan(host.moRef, signal);
  expect(await storage.unresolvedCopies(host.moRef, signal)).toMatchObject([{ unresolvable: 'incomplete-extents' }]);
  present(COPY_B, SECOND_COPY_A);
  await storage.rescan(host.moRef, signal);
  expect(await storage.unresolvedCopies(host.moRef, signal)).toMatchObject([{ unresolvable: 'multiple-copies' }]);
});

test('a VM of the copy is registered with identities of its own, and is gone from the inventory alone when it is unregistered', async () => {
  const { storage, host, datastore, lab } = await openMounted();
  const { folder } = await storage.findFolder('DC1/vm/Empty', signal);
  const vmPathName = `[${datastore.name}] chained/chained.vmx`;
  const request = { vmPathName, name: 'twin', folder, pool: host.rootPool, host: host.moRef };
  await storage.register(request, signal);
  const [on] = await storage.datastoresOn(COPIES, signal);
  const [twin] = on?.vms ?? [];
  expect(twin).toMatchObject({ name: 'twin', vmPathName, poweredOff: true });
  const vm = twin?.moRef ?? moRef('none');
  await storage.giveIdentity(vm, signal);

  const [copied, original] = [lab.vcenter.vm('twin'), lab.vcenter.vm('chained')];
  expect(copied.folder).toEqual(['Empty']);
  expect(copied.extraConfig).toEqual({ 'uuid.action': 'create' });
  expect([original.instanceUuid, original.biosUuid]).not.toContain(copied.instanceUuid);
  expect(copied.biosUuid).not.toBe(original.biosUuid);
  expect(await storage.diskFiles(vm, signal)).toEqual([
    `[${datastore.name}] chained/chained-000001.vmdk`,
    `[${datastore.name}] chained/chained.vmdk`,
  ]);
  expect((await failure(storage.unmount(host.moRef, datastore.vmfsUuid, signal))).code).toBe('E_VCENTER');
  lab.vcenter.setPowerState('twin', 'poweredOn');
  expect((await failure(storage.unregister(vm, signal))).code).toBe('E_VCENTER');
  lab.vcenter.setPowerState('twin', 'poweredOff');
  await storage.unregister(vm, signal);
  await storage.unregister(vm, signal);
  await storage.register(request, signal);
});

test('taking a copy away leaves nothing on the host, again and again', async () => {
  const { storage, host, datastore, lab, withdraw } = await openMounted();
  const [name] = COPIES;
  for (let again = 0; again < 2; again += 1) {
    await storage.unmount(host.moRef, datastore.vmfsUuid, signal);
    for (const device of COPIES) await storage.detach(host.moRef, device, signal);
  }
  expect(await storage.devices(host.moRef, [name ?? ''], signal)).toEqual([{ canonicalName: name, state: 'detached' }]);
  expect(await storage.datastoresOn(COPIES, signal)).toMatchObject([{ hosts: [{ mounted: false }] }]);
  withdraw(...COPIES);
  await storage.rescan(host.moRef, signal);
  for (let again = 0; again < 2; again += 1) {
    await storage.forget(host.moRef, { canonicalNames: COPIES, vmfsUuid: datastore.vmfsUuid }, signal);
  }

  expect(await storage.datastoresOn(COPIES, signal)).toEqual([]);
  expect(lab.vcenter.storageOf(HOST)).toMatchObject({ detached: [], unmounted: [] });
  expect(lab.events.events.filter(({ operation }) => operation === 'all-paths-down')).toEqual([]);
});

test('a change whose answer never came is told as unknown', async () => {
  const { storage, host, datastore, lab } = await openMounted();
  lab.faults.add({ system: 'vcenter', operation: 'UnmountVmfsVolume', when: 'after', nth: 1, action: { do: 'drop' } });

  const lost = await failure(storage.unmount(host.moRef, datastore.vmfsUuid, signal));
  expect(lost).toMatchObject({ code: 'E_VCENTER_UNREACHABLE', effect: 'unknown' });
  await storage.unmount(host.moRef, datastore.vmfsUuid, signal);
});
