import { childOf, childrenOf } from '../../../src/platform/xml.ts';
import { COPY_A, COPY_B, HOST, ORIGINAL_UUID, openCopiedVolume, SECOND_COPY_A } from './copied-volume.ts';
import { closeLabs, type TestLab } from './lab-vcenter.ts';
import { type RawSoap, textAt } from './raw-soap.ts';
import { NAA_A, NAA_B } from './sample-inventory.ts';
import { outcomeOf } from './tasks.ts';

afterAll(closeLabs);

const pathOf = (name: string) => `/vmfs/devices/disks/${name}:1`;

async function hostOf(lab: TestLab) {
  const soap = await lab.admin();
  const found = await soap.call(
    'FindByDnsName',
    `<_this type="SearchIndex">SearchIndex</_this><dnsName>${HOST}</dnsName><vmSearch>false</vmSearch>`,
  );
  const host = found.returnval?.text ?? '';
  const managers = (await soap.properties('HostSystem', host, 'configManager')).get('configManager');
  const storage = childOf(managers, 'storageSystem')?.text ?? '';
  const datastores = childOf(managers, 'datastoreSystem')?.text ?? '';
  const onStorage = (operation: string, args = '') =>
    soap.call(operation, `<_this type="HostStorageSystem">${storage}</_this>${args}`);
  return {
    soap,
    onStorage,
    rescan: async () => {
      await onStorage('RescanAllHba');
      await onStorage('RescanVmfs');
    },
    unresolved: async () => (await onStorage('QueryUnresolvedVmfsVolume')).returnvals,
    resignature: (...names: readonly string[]) => resignature(soap, datastores, names),
  };
}

function resignature(soap: RawSoap, datastores: string, names: readonly string[]) {
  const paths = names.map((name) => `<extentDevicePath>${pathOf(name)}</extentDevicePath>`).join('');
  const args = `<resolutionSpec>${paths}</resolutionSpec>`;
  return outcomeOf(soap, 'ResignatureUnresolvedVmfsVolume_Task', ['HostDatastoreSystem', datastores], args);
}

const uuidOfLun = (name: string, lun: number) =>
  `0200${lun.toString(16).padStart(2, '0')}0000${name.slice(4)}53594d4d4554`;

test('a copy appears after a scan alone, as an unresolved volume with every extent, and its bytes get a new identity', async () => {
  const { lab, present, contentOf } = await openCopiedVolume();
  const host = await hostOf(lab);
  const originals = [contentOf(NAA_A), contentOf(NAA_B)];
  present(COPY_A, COPY_B);
  expect(await host.unresolved()).toEqual([]);
  await host.onStorage('RescanAllHba');
  expect(await host.unresolved()).toEqual([]);

  await host.onStorage('RescanVmfs');
  const [volume, ...others] = await host.unresolved();
  expect(others).toEqual([]);
  expect(textAt(volume, 'vmfsLabel')).toBe('VMFS-1');
  expect(textAt(volume, 'vmfsUuid')).toBe(ORIGINAL_UUID);
  const extents = volume ? childrenOf(volume, 'extent') : [];
  expect(extents.map((extent) => textAt(extent, 'device', 'diskName'))).toEqual([COPY_A, COPY_B]);
  expect(extents.map((extent) => textAt(extent, 'isHeadExtent'))).toEqual(['true', 'false']);
  expect(textAt(extents[0], 'reason')).toBe('uuidConflict');
  expect(textAt(volume, 'resolveStatus', 'resolvable')).toBe('true');

  expect(await host.resignature(COPY_A, COPY_B)).toMatchObject({ end: 'success' });
  const copy = lab.vcenter.datastores().find(({ name }) => name.startsWith('snap-'));
  expect(copy).toMatchObject({ type: 'VMFS', extents: [COPY_A, COPY_B], hosts: [HOST] });
  expect(copy?.name).toMatch(/^snap-[0-9a-f]{8}-VMFS-1$/);
  expect(await host.unresolved()).toEqual([]);
  expect(
    [contentOf(NAA_A), contentOf(NAA_B)].every((bytes, index) => bytes.equals(originals[index] ?? bytes.subarray(1))),
  ).toBe(true);
  expect(contentOf(COPY_A).equals(originals[0] ?? Buffer.alloc(0))).toBe(false);
});

test('a volume whose extents are incomplete, or there twice, is not resolved and not mounted under its old identity', async () => {
  const { lab, present } = await openCopiedVolume();
  const host = await hostOf(lab);
  present(COPY_A);
  await host.rescan();
  const [incomplete] = await host.unresolved();
  expect(textAt(incomplete, 'resolveStatus', 'incompleteExtents')).toBe('true');
  expect((await host.resignature(COPY_A)).end).toBe('PlatformConfigFault');

  present(COPY_B, SECOND_COPY_A);
  await host.rescan();
  const [twice] = await host.unresolved();
  expect(textAt(twice, 'resolveStatus', 'multipleCopies')).toBe('true');
  expect(textAt(twice, 'resolveStatus', 'resolvable')).toBe('false');
  expect((await host.resignature(COPY_A)).end).toBe('VmfsAmbiguousMount');

  const spec = `<resolutionSpec><extentDevicePath>${pathOf(COPY_A)}</extentDevicePath><extentDevicePath>${pathOf(COPY_B)}</extentDevicePath><uuidResolution>forceMount</uuidResolution></resolutionSpec>`;
  const forced = await host.onStorage('ResolveMultipleUnresolvedVmfsVolumes', spec);
  expect(textAt(forced.returnval, 'fault', 'fault', 'uuid')).toBe(ORIGINAL_UUID);
  expect(lab.vcenter.datastores().filter(({ name }) => name.startsWith('snap-'))).toEqual([]);
});

test('a mounted volume cannot be detached, and one whose devices vanish all the same is dead until they come back', async () => {
  const { lab, present, withdraw } = await openCopiedVolume();
  const host = await hostOf(lab);
  present(COPY_A, COPY_B);
  await host.rescan();
  await host.resignature(COPY_A, COPY_B);
  const detach = (name: string, lun: number) =>
    host.onStorage('DetachScsiLun', `<lunUuid>${uuidOfLun(name, lun)}</lunUuid>`);
  expect((await detach(COPY_A, 3)).fault?.type).toBe('ResourceInUse');

  withdraw(COPY_A, COPY_B);
  await host.rescan();
  expect(lab.vcenter.storageOf(HOST).luns).toContain(`${COPY_A} lostCommunication`);
  expect(lab.events.events.filter(({ operation }) => operation === 'all-paths-down')).toHaveLength(2);

  present(COPY_A, COPY_B);
  await host.rescan();
  const copy = lab.vcenter.datastores().find(({ name }) => name.startsWith('snap-'));
  const uuid = copy?.type === 'VMFS' ? copy.vmfsUuid : undefined;
  const arg = `<vmfsUuid>${uuid}</vmfsUuid>`;
  expect((await host.onStorage('UnmountVmfsVolume', arg)).fault).toBeUndefined();
  expect((await host.onStorage('UnmountVmfsVolume', arg)).fault?.type).toBe('InvalidState');
  expect((await host.onStorage('DeleteVmfsVolumeState', arg)).fault?.type).toBe('InvalidState');
  expect((await detach(COPY_A, 3)).fault).toBeUndefined();
  expect((await detach(COPY_B, 4)).fault).toBeUndefined();
  expect((await detach(COPY_B, 4)).fault?.type).toBe('InvalidState');
  withdraw(COPY_A, COPY_B);
  await host.rescan();
  expect(lab.vcenter.datastores().some(({ name }) => name.startsWith('snap-'))).toBe(false);
  // Kept for devices that come back, until it is deleted.
  expect(lab.vcenter.storageOf(HOST)).toMatchObject({ detached: [COPY_A, COPY_B], unmounted: [uuid] });
  for (const name of [COPY_A, COPY_B])
    await host.onStorage('DeleteScsiLunState', `<lunCanonicalName>${name}</lunCanonicalName>`);
  await host.onStorage('DeleteVmfsVolumeState', arg);
  expect(lab.vcenter.storageOf(HOST)).toMatchObject({ detached: [], unmounted: [] });
});

test('a VM of the copy is registered under a name and an identity of its own, and what stands beside it is its own too', async () => {
  const { lab, present } = await openCopiedVolume();
  const host = await hostOf(lab);
  present(COPY_A, COPY_B);
  await host.rescan();
  await host.resignature(COPY_A, COPY_B);
  const copy = lab.vcenter.datastores().find(({ name }) => name.startsWith('snap-'))?.name;
  const chained = lab.vcenter.moRefOf('chained');
  const parent = (await host.soap.properties('VirtualMachine', chained, 'parent')).get('parent')?.text ?? '';
  const pool = (await host.soap.properties('VirtualMachine', chained, 'resourcePool')).get('resourcePool')?.text ?? '';
  const register = (name: string) =>
    outcomeOf(
      host.soap,
      'RegisterVM_Task',
      ['Folder', parent],
      `<path>[${copy}] chained/chained.vmx</path><name>${name}</name><asTemplate>false</asTemplate><pool type="ResourcePool">${pool}</pool>`,
    );

  expect((await register('chained')).end).toBe('DuplicateName');
  expect((await register('twin')).end).toBe('success');
  const [original, twin] = [lab.vcenter.vm('chained'), lab.vcenter.vm('twin')];
  expect(twin.biosUuid).toBe(original.biosUuid);
  expect(twin.instanceUuid).not.toBe(original.instanceUuid);
  expect(twin.powerState).toBe('poweredOff');
  expect(twin.disks[0]?.backing).toMatchObject({
    fileName: `[${copy}] chained/chained-000001.vmdk`,
    parent: { fileName: `[${copy}] chained/chained.vmdk` },
  });
  // A VM that is taken out of the inventory keeps its snapshots in its files.
  await host.soap.call('UnregisterVM', `<_this type="VirtualMachine">${lab.vcenter.moRefOf('twin')}</_this>`);
  expect((await register('twin')).end).toBe('success');
  expect(lab.vcenter.snapshotsOf('twin')).toEqual(['before update']);
});
