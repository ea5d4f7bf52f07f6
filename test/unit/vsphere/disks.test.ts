import { datastoreFacts, hasRawDevice, virtualDisks } from '../../../src/vsphere/disks.ts';
import { canonicalNameOf, type HostLun } from '../../../src/vsphere/raw-devices.ts';
import { PLAIN_DISK } from '../../contract/quiet-conditions.ts';
import { receivedValue, XSI_PREFIXES } from './soap-answers.ts';

const NAA = '60000970000197900046533030324538';
const SCID = 'vvol:0123456789abcdef-fedcba9876543210';

const datastoreInfo = {
  vvol: `<val xsi:type="VvolDatastoreInfo"><name>gold</name><url>ds:///vmfs/volumes/${SCID}/</url><freeSpace>1</freeSpace>
<vvolDS><type>VVOL</type><name>gold</name><scId>${SCID}</scId><storageArray><name>array</name><uuid>com.emc:000197900046</uuid></storageArray></vvolDS></val>`,
  vmfs: `<val xsi:type="VmfsDatastoreInfo"><name>silver</name><url>ds:///vmfs/volumes/5f-a/</url><freeSpace>1</freeSpace>
<vmfs><type>VMFS</type><name>silver</name><capacity>4096</capacity><uuid>5F3C2A10-0b7d9e4c-1a2b-000c29a1b2c3</uuid><extent><diskName>naa.${NAA}</diskName><partition>1</partition></extent>
<extent><diskName>eui.00a0980000000001</diskName><partition>1</partition></extent></vmfs></val>`,
  local: `<val xsi:type="VmfsDatastoreInfo"><vmfs><extent><diskName>t10.ATA_____disk</diskName><partition>3</partition></extent></vmfs></val>`,
  plain: '<val xsi:type="NasDatastoreInfo"><name>x</name><url>ds:///vmfs/volumes/x/</url></val>',
};

interface DiskParts {
  readonly backing: string;
  readonly rest?: string;
}

const disk = ({ backing, rest }: DiskParts): string =>
  `<VirtualDevice xsi:type="VirtualDisk"><key>2000</key><deviceInfo><label>Hard disk 1</label><summary>s</summary></deviceInfo>
${backing}<controllerKey>1000</controllerKey><unitNumber>0</unitNumber>${rest ?? '<capacityInKB>1024</capacityInKB>'}</VirtualDevice>`;

const file = (datastore: string, inner = '', type = 'VirtualDiskFlatVer2BackingInfo'): string =>
  `<backing xsi:type="${type}"><fileName>[ds] vm/vm.vmdk</fileName><datastore type="Datastore">${datastore}</datastore>
${inner}</backing>`;

const raw = (inner: string): string =>
  `<backing xsi:type="VirtualDiskRawDiskMappingVer1BackingInfo"><fileName>[silver] vm/raw.vmdk</fileName>
<datastore type="Datastore">ds-vmfs</datastore>${inner}</backing>`;

const RAW_UUID = `0200000000${NAA}53594d4d4554`;

async function storage(luns: ReadonlyMap<string, HostLun> = new Map()) {
  const info = async (xml: string) => await receivedValue(xml);
  return {
    luns,
    datastores: new Map([
      ['ds-vvol', datastoreFacts('gold', 'VVOL', await info(datastoreInfo.vvol))],
      ['ds-vmfs', datastoreFacts('silver', 'VMFS', await info(datastoreInfo.vmfs))],
      ['ds-vmfs2', datastoreFacts('bronze', 'VMFS', await info(datastoreInfo.vmfs))],
      ['ds-local', datastoreFacts('boot', 'VMFS', await info(datastoreInfo.local))],
      ['ds-blind', datastoreFacts('blind', 'VMFS', undefined)],
      ['ds-nfs', datastoreFacts('share', 'NFS41', await info(datastoreInfo.plain))],
      ['ds-vsan', datastoreFacts('vsan', 'vsan', await info(datastoreInfo.plain))],
    ]),
  };
}

const devices = async (xml: string, prefix?: string) =>
  await receivedValue(`<val xsi:type="ArrayOfVirtualDevice">${xml}</val>`, prefix);

async function onlyDisk(xml: string, luns?: ReadonlyMap<string, HostLun>, prefix?: string) {
  const [first, ...more] = virtualDisks(await devices(xml, prefix), await storage(luns));
  expect(more).toEqual([]);
  if (first === undefined) throw new Error('no disk was found');
  return first;
}

const backingOf = async (backing: string, luns?: ReadonlyMap<string, HostLun>) =>
  (await onlyDisk(disk({ backing }), luns)).backing;

test.each(XSI_PREFIXES)('a disk on a virtual volume is read whole with the prefix %s', async (prefix) => {
  const backing = file(
    'ds-vvol',
    '<backingObjectId>rfc4122.aa-bb</backingObjectId><diskMode>persistent</diskMode><uuid>6000C29A-1B2C-3D4E-5F60-718293A4B5C6</uuid>',
  );
  const rest = '<capacityInKB>1</capacityInKB><capacityInBytes>10737418241</capacityInBytes>';
  expect(await onlyDisk(disk({ backing, rest }), undefined, prefix)).toEqual({
    key: 2000,
    label: 'Hard disk 1',
    capacityBytes: 10737418241,
    guestDiskUuid: '6000c29a1b2c3d4e5f60718293a4b5c6',
    diskMode: 'persistent',
    onSnapshot: false,
    sharedByWriters: false,
    backing: {
      kind: 'vvol',
      objectId: 'rfc4122.aa-bb',
      datastore: 'gold',
      datastoreRef: 'ds-vvol',
      containerId: SCID,
      vasaArrays: ['array', 'com.emc:000197900046'],
    },
    condition: PLAIN_DISK,
  });
});

test('what stands between a disk and the array is read: filters, caches, keys, chains', async () => {
  const key = '<keyId><keyId>k1</keyId></keyId>';
  const parent = '<parent><fileName>[s] b.vmdk</fileName><parent><fileName>[s] a.vmdk</fileName></parent></parent>';
  const backing = file('ds-vmfs', `<diskMode>persistent</diskMode>${parent}${key}`);
  const cache = (mode: string, reserved: number) =>
    `<vFlashCacheConfigInfo><reservationInMB>${reserved}</reservationInMB>${mode}</vFlashCacheConfigInfo>`;
  const conditionWith = async (rest: string) =>
    (await onlyDisk(disk({ backing, rest: `<capacityInKB>1</capacityInKB>${rest}` }))).condition;
  const common = { chain: ['[s] b.vmdk', '[s] a.vmdk'], encrypted: true, filters: [] };
  expect(await conditionWith('<iofilter>V_cache_1.0</iofilter><iofilter>V_rep_2.1</iofilter>')).toEqual({
    ...common,
    filters: ['V_cache_1.0', 'V_rep_2.1'],
    hostCache: 'none',
  });
  expect((await conditionWith(cache('<cacheMode>write_thru</cacheMode>', 512))).hostCache).toBe('write-through');
  expect((await conditionWith(cache('<cacheMode>write_back</cacheMode>', 512))).hostCache).toBe('write-back');
  expect((await conditionWith(cache('', 512))).hostCache).toBe('write-back');
  expect((await conditionWith(cache('<cacheMode>write_back</cacheMode>', 0))).hostCache).toBe('none');
});

test('on a snapshot chain of virtual volumes the id is that of the top, the live volume', async () => {
  const parent =
    '<backingObjectId>naa.top</backingObjectId><diskMode>persistent</diskMode>' +
    '<parent><fileName>b</fileName><datastore type="Datastore">ds-vvol</datastore><backingObjectId>naa.snapshot</backingObjectId></parent>';
  const found = await onlyDisk(disk({ backing: file('ds-vvol', parent) }));
  expect(found.onSnapshot).toBe(true);
  expect(found.backing).toMatchObject({ kind: 'vvol', objectId: 'naa.top' });
});

test('the container is found in the address of the datastore when the volume does not tell it', async () => {
  const info = await receivedValue(
    `<val xsi:type="DatastoreInfo"><name>g</name><url>ds:///vmfs/volumes/${SCID}/</url></val>`,
  );
  expect(datastoreFacts('g', 'VVOL', info).containerId).toBe(SCID);
});

test('a disk on VMFS lies on every extent of its datastore, head first', async () => {
  for (const type of [
    'VirtualDiskFlatVer2BackingInfo',
    'VirtualDiskSeSparseBackingInfo',
    'VirtualDiskSparseVer2BackingInfo',
  ]) {
    expect(await backingOf(file('ds-vmfs', '', type))).toEqual({
      kind: 'vmfs',
      fileName: '[ds] vm/vm.vmdk',
      datastore: 'silver',
      datastoreRef: 'ds-vmfs',
      extents: [`naa.${NAA}`, 'eui.00a0980000000001'],
      vmfsUuid: '5f3c2a10-0b7d9e4c-1a2b-000c29a1b2c3',
      datastoreBytes: 4096,
    });
  }
});

test('a chain that reaches to another VMFS datastore is refused: half of it would be missing', async () => {
  const parent = (datastore: string) =>
    `<parent><fileName>p</fileName><datastore type="Datastore">${datastore}</datastore></parent>`;
  expect(await backingOf(file('ds-vmfs', parent('ds-vmfs2')))).toEqual({
    kind: 'unsupported',
    reason: expect.stringMatching(/"silver".*"bronze"/),
  });
  const same = await onlyDisk(disk({ backing: file('ds-vmfs', parent('ds-vmfs')) }));
  expect(same).toMatchObject({ onSnapshot: true, backing: { kind: 'vmfs' } });
});

test.each([
  ['an NFS datastore', file('ds-nfs'), /NFS datastore "share"/],
  ['a vSAN datastore', file('ds-vsan', '<backingObjectId>x</backingObjectId>'), /vSAN/],
  ['a VMFS datastore without known extents', file('ds-blind'), /no extents.*"blind"/],
  ['a VMFS datastore on a disk of the host', file('ds-local'), /"boot".*"t10\.ATA_____disk"/],
  ['a datastore nothing is known of', file('ds-unknown'), /which datastore/],
  ['a virtual volume without id', file('ds-vvol'), /no virtual volume id.*"gold"/],
  ['persistent memory', file('ds-vmfs', '', 'VirtualDiskLocalPMemBackingInfo'), /VirtualDiskLocalPMemBackingInfo/],
  ['the flat format of old', file('ds-vmfs', '', 'VirtualDiskFlatVer1BackingInfo'), /FlatVer1/],
  ['raw device version 2', file('ds-vmfs', '', 'VirtualDiskRawDiskVer2BackingInfo'), /RawDiskVer2/],
  ['no backing at all', '', /"none"/],
])('%s is unsupported, with the reason', async (_what, backing, reason) => {
  expect(await backingOf(backing)).toEqual({ kind: 'unsupported', reason: expect.stringMatching(reason) });
});

test('a raw device has the canonical name that the VM’s host gives to its LUN', async () => {
  const inner = `<lunUuid>${RAW_UUID}</lunUuid><deviceName>vml.${RAW_UUID}</deviceName><compatibilityMode>physicalMode</compatibilityMode>`;
  expect(await backingOf(raw(inner), new Map([[RAW_UUID, { canonicalName: `naa.${NAA}`, bytes: 4096 }]]))).toEqual({
    kind: 'rdm',
    canonicalName: `naa.${NAA}`,
    compatibilityMode: 'physical',
    lunBytes: 4096,
    mappingFile: '[silver] vm/raw.vmdk',
  });
  expect(await backingOf(raw(inner))).toMatchObject({ kind: 'rdm', canonicalName: `naa.${NAA}` });
});

test('a raw device whose names do not agree is ambiguous, and every candidate is told', async () => {
  const other = NAA.replace(/.$/, '9');
  const inner = (deviceName: string) =>
    `<lunUuid>${RAW_UUID}</lunUuid><deviceName>${deviceName}</deviceName><compatibilityMode>physicalMode</compatibilityMode>`;
  expect(await backingOf(raw(inner(`vml.0200000000${other}53594d4d4554`)))).toMatchObject({
    kind: 'ambiguous',
    candidates: [`naa.${NAA}`, `naa.${other}`],
  });
  const moved = new Map([[RAW_UUID, { canonicalName: `naa.${other}`, bytes: undefined }]]);
  expect(await backingOf(raw(inner(`vml.${RAW_UUID}`)), moved)).toMatchObject({
    kind: 'ambiguous',
    candidates: [`naa.${other}`, `naa.${NAA}`],
  });
});

test('a raw device that the host shows at another LUN number still has the size the host shows', async () => {
  const inner = `<lunUuid>${RAW_UUID}</lunUuid><deviceName>vml.${RAW_UUID}</deviceName><compatibilityMode>virtualMode</compatibilityMode>`;
  const elsewhere = new Map([
    [RAW_UUID.replace('0200000000', '0200070000'), { canonicalName: `naa.${NAA}`, bytes: 8192 }],
  ]);
  expect(await backingOf(raw(inner), elsewhere)).toMatchObject({ kind: 'rdm', lunBytes: 8192 });
});

test('a raw device that is local to the host is unsupported', async () => {
  const inner = '<lunUuid>0100</lunUuid><compatibilityMode>virtualMode</compatibilityMode>';
  const local = new Map([['0100', { canonicalName: 'mpx.vmhba1:C0:T0:L0', bytes: 1 }]]);
  expect(await backingOf(raw(inner), local)).toEqual({ kind: 'unsupported', reason: expect.stringContaining('local') });
});

test('a raw device that no name leads to, or that runs on a snapshot, is unsupported', async () => {
  const unseen =
    '<lunUuid>01deadbeef</lunUuid><deviceName>vml.01deadbeef</deviceName><compatibilityMode>virtualMode</compatibilityMode>';
  expect(await backingOf(raw(unseen))).toEqual({
    kind: 'unsupported',
    reason: expect.stringContaining('vml.01deadbeef'),
  });
  const delta = `<lunUuid>${RAW_UUID}</lunUuid><compatibilityMode>virtualMode</compatibilityMode><parent><fileName>p</fileName></parent>`;
  expect(await backingOf(raw(delta))).toEqual({ kind: 'unsupported', reason: expect.stringContaining('delta') });
  const odd = `<lunUuid>${RAW_UUID}</lunUuid>`;
  expect(await backingOf(raw(odd))).toEqual({ kind: 'unsupported', reason: expect.stringContaining('mode') });
});

test.each([
  ['vml of ESXi 6', `vml.0200000000${NAA}53594d4d4554`, `naa.${NAA}`],
  ['vml of ESXi 7, LUN 258', `vml.0200020100${NAA}53594d4d4554`, `naa.${NAA}`],
  ['ScsiLun.uuid, upper case', `0200000000${NAA}53594d4d4554`.toUpperCase(), `naa.${NAA}`],
  ['a device path', `/vmfs/devices/disks/naa.${NAA}`, `naa.${NAA}`],
  ['NVMe', '/vmfs/devices/disks/eui.00a098000000000100a0980000000001', 'eui.00a098000000000100a0980000000001'],
  ['a vml of another identity type', 'vml.0100000000303030303030', undefined],
  ['a local disk', 'mpx.vmhba1:C0:T0:L0', undefined],
  ['none', undefined, undefined],
])('canonical name out of %s', (_what, name, expected) => {
  expect(canonicalNameOf(name)).toBe(expected);
});

test('disks that several VMs may write to are marked: multi-writer, or a bus shared by cluster nodes', async () => {
  const multi = await onlyDisk(disk({ backing: file('ds-vmfs', '<sharing>sharingMultiWriter</sharing>') }));
  expect(multi.sharedByWriters).toBe(true);
  const none = await onlyDisk(disk({ backing: file('ds-vmfs', '<sharing>sharingNone</sharing>') }));
  expect(none.sharedByWriters).toBe(false);
  const controller = (sharedBus: string) =>
    `<VirtualDevice xsi:type="ParaVirtualSCSIController"><key>1000</key><busNumber>0</busNumber><sharedBus>${sharedBus}</sharedBus></VirtualDevice>`;
  const bus = (sharedBus: string) => onlyDisk(controller(sharedBus) + disk({ backing: file('ds-vmfs') }));
  expect((await bus('physicalSharing')).sharedByWriters).toBe(true);
  expect((await bus('noSharing')).sharedByWriters).toBe(false);
});

test('other devices, known or not, and a VM without configuration yield no disk and no error', async () => {
  const others = `<VirtualDevice xsi:type="VirtualCdrom"><key>3000</key><backing xsi:type="VirtualCdromIsoBackingInfo"><fileName>[x] a.iso</fileName></backing></VirtualDevice>
<VirtualDevice xsi:type="VirtualQuantumPort"><key>9</key></VirtualDevice><VirtualDevice xsi:type="VirtualIDEController"/>`;
  expect(virtualDisks(await devices(others), await storage())).toEqual([]);
  expect(virtualDisks(undefined, await storage())).toEqual([]);
  expect(hasRawDevice(undefined)).toBe(false);
  expect(hasRawDevice(await devices(others + disk({ backing: raw('') })))).toBe(true);
  expect(hasRawDevice(await devices(disk({ backing: file('ds-vmfs') })))).toBe(false);
});

test('a disk uuid that is none, and a capacity known in KB only', async () => {
  const found = await onlyDisk(disk({ backing: file('ds-vmfs', '<uuid>not-a-uuid</uuid>') }));
  expect(found).toMatchObject({ guestDiskUuid: undefined, capacityBytes: 1024 * 1024 });
});
