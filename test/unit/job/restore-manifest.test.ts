import { readBackup } from '../../../src/job/restore-manifest.ts';
import { failure } from '../../failure.ts';

const HASH = { algorithm: 'blake2b-512-tree', leafBytes: 4 * 1024 * 1024, value: 'ab'.repeat(64) };

const hardware = {
  version: 'vmx-19',
  guestId: 'debian12_64Guest',
  firmware: 'efi',
  secureBoot: true,
  tpm: false,
  cpus: 2,
  coresPerSocket: 1,
  memoryMiB: 4096,
  showsSerials: true,
  controllers: [{ key: 1000, type: 'ParaVirtualSCSIController', busNumber: 0 }],
  slots: [{ disk: 2000, controller: 1000, unit: 0 }],
  adapters: [{ label: 'Network adapter 1', type: 'VirtualVmxnet3', network: { kind: 'standard', name: 'VM Network' } }],
};
const disk = (change: object = {}) => ({
  key: 2000,
  label: 'Hard disk 1',
  images: ['sql01/disk.raw'],
  ...change,
});
const vm = (name: string, change: object = {}) => ({
  name,
  instanceUuid: `50aa0000-0000-4000-8000-00000000000${name.length}`,
  grade: 'application',
  hardware,
  disks: [{ key: 2000, label: 'Hard disk 1', images: [`${name}/disk.raw`] }],
  ...change,
});
const image = (change: object = {}) => ({
  path: 'sql01/disk.raw',
  sizeBytes: 1024 * 1024,
  dataBytes: 4096,
  contentHash: HASH,
  format: 'raw',
  holds: 'disk',
  ...change,
});
const manifest = (change: object = {}) =>
  JSON.stringify({
    schema: 'snaphook/manifest',
    version: 1,
    createdAt: '2026-01-01T00:00:00.000Z',
    run: { id: 'l1k2m3n4-abcdef' },
    snapshot: { name: 'snaphook-l1k2m3n4-abcdef-x1y2z3' },
    vms: [vm('sql01')],
    images: [image()],
    ...change,
  });

test('a manifest tells which shadow copies the freeze left, and of a VM without a freeze none', () => {
  const id = '{3A1B0F52-8E0C-4C55-9F0B-0C5C6E1E2D01}';
  const evidence = { guest: { freeze: { shadowCopies: [{ id, volume: 'E:\\' }] } } };

  expect(readBackup(manifest({ vms: [vm('sql01', { evidence })] }), undefined).vm.shadowCopies).toEqual([id]);
  expect(readBackup(manifest(), undefined).vm.shadowCopies).toEqual([]);
});

const refusal = (text: string, name?: string) => failure(Promise.resolve().then(() => readBackup(text, name)));

const NVRAM = {
  vm: vm('sql01').instanceUuid,
  kind: 'nvram',
  path: 'sql01/sql01.nvram',
  sizeBytes: 270_840,
  blake2b: 'cd'.repeat(64),
};

test('settings of the firmware are those of this VM, and a file outside of the directory or too large for any is refused', async () => {
  const others = { ...NVRAM, vm: vm('web').instanceUuid, path: 'web/web.nvram' };
  const vmx = { ...NVRAM, kind: 'vmx', path: 'sql01/sql01.vmx' };
  const { path, sizeBytes, blake2b } = NVRAM;

  expect(readBackup(manifest({ files: [others, vmx, NVRAM] }), undefined).vm.nvram).toEqual({
    path,
    sizeBytes,
    blake2b,
  });
  expect(readBackup(manifest({ files: [others, vmx] }), undefined).vm.nvram).toBeUndefined();
  for (const change of [{ path: '../sql01.nvram' }, { path: '/etc/shadow' }, { sizeBytes: 5 * 1024 * 1024 }])
    expect(await refusal(manifest({ files: [{ ...NVRAM, ...change }] }))).toMatchObject({ code: 'E_RESTORE' });
});

test.each<[string, object]>([
  ['with a key', { notes: [{ code: 'encrypted', severity: 'warning', text: 'x' }] }],
  ['with a virtual TPM', { hardware: { ...hardware, tpm: true } }],
])(
  'a VM %s and plain disks is restored from images of the array, without the settings of its firmware',
  (_what, change) => {
    const route = { name: 'snapvx' };
    const { vm: read } = readBackup(manifest({ route, vms: [vm('sql01', change)], files: [NVRAM] }), undefined);

    expect(read).toMatchObject({ nvramIsEncrypted: true, disks: [{ label: 'Hard disk 1' }] });
    expect(read.nvram).toBeUndefined();
    expect(readBackup(manifest({ vms: [vm('sql01', change)] }), undefined).vm.nvramIsEncrypted).toBe(false);
    expect(readBackup(manifest({ files: [NVRAM] }), undefined).vm.nvramIsEncrypted).toBe(false);
  },
);

test('a backup is as old as its snapshot, or as its manifest where that tells no moment', async () => {
  const { name } = JSON.parse(manifest()).snapshot;
  const takenAt = '2025-12-31T23:00:00.000Z';

  expect(readBackup(manifest(), undefined).takenAt).toBe('2026-01-01T00:00:00.000Z');
  expect(readBackup(manifest({ snapshot: { name, takenAt } }), undefined).takenAt).toBe(takenAt);
  const forged = `${takenAt.slice(0, 10)} (\n\u001b[2Jgenuine)`;
  expect(Date.parse(forged)).not.toBeNaN();
  for (const odd of ['yesterday', forged, '2026-13-01T00:00:00Z']) {
    expect(await refusal(manifest({ snapshot: { name, takenAt: odd } }))).toMatchObject({ code: 'E_RESTORE' });
    expect(await refusal(manifest({ createdAt: odd }))).toMatchObject({ code: 'E_RESTORE' });
  }
});

test('a manifest tells of a VM everything it is made of, and of each disk its image', () => {
  expect(readBackup(manifest(), undefined)).toMatchObject({
    runId: 'l1k2m3n4-abcdef',
    vm: {
      name: 'sql01',
      hardware,
      disks: [
        {
          key: 2000,
          label: 'Hard disk 1',
          image: { path: 'sql01/disk.raw', sizeBytes: 1024 * 1024, contentHash: HASH },
        },
      ],
    },
  });
});

test('of several VMs one is chosen by name or identity, and nothing is guessed', async () => {
  const images = [image(), image({ path: 'pg1/disk.raw' })];
  const both = manifest({ vms: [vm('sql01'), vm('pg1')], images });

  expect(readBackup(both, 'pg1').vm.name).toBe('pg1');
  expect(readBackup(both, '50aa0000-0000-4000-8000-000000000005').vm.name).toBe('sql01');
  expect(await refusal(both)).toMatchObject({ code: 'E_RESTORE', hint: expect.stringContaining('sql01, pg1') });
  expect(await refusal(both, 'web01')).toMatchObject({ code: 'E_RESTORE' });
});

test.each<[string, object, string]>([
  ['one that is not complete', { schema: 'snaphook/planned-manifest' }, 'not a complete manifest'],
  ['one of another version', { version: 2 }, 'not a complete manifest'],
  ['one without VMs', { vms: [] }, 'it has 0 VMs'],
  ['a VM without hardware', { vms: [vm('sql01', { hardware: undefined })] }, 'does not tell what'],
  ['hardware that is not whole', { vms: [vm('sql01', { hardware: { ...hardware, cpus: '2' } })] }, '"cpus"'],
  ['an identity that is none', { vms: [vm('sql01', { instanceUuid: 'x' })] }, '"instanceUuid"'],
  ['an image of a whole datastore', { images: [image({ holds: 'datastore' })] }, 'holds a datastore, not a disk'],
  ['an image of an unknown format', { images: [image({ format: 'vhdx' })] }, 'format unknown here'],
  [
    'a VM whose images are encrypted',
    {
      route: { name: 'snapvx' },
      vms: [vm('sql01', { notes: [{ code: 'encrypted', severity: 'warning', disk: 2000, text: 'x' }] })],
    },
    'encrypted by vSphere',
  ],
  ['a hand-over of files', { fileSystems: [], images: [] }, 'mounted file systems'],
  ['disks without a copy', { exposed: { as: 'nbd' }, images: [] }, 'without a copy'],
  ['a disk without an image', { vms: [vm('sql01', { disks: [disk({ images: [] })] })] }, 'names 0 images'],
  ['a disk whose image is not there', { images: [] }, 'which it does not have'],
  [
    'another VM with a disk whose image is not there',
    { vms: [vm('sql01'), vm('pg1')] },
    'a disk of VM "pg1" is in the image "pg1/disk.raw"',
  ],
  [
    'an image that stands there twice',
    { images: [image(), image({ sizeBytes: 512 })] },
    'the image "sql01/disk.raw" twice',
  ],
  ['two VMs of one identity', { vms: [vm('sql01'), vm('sql02')] }, 'twice'],
  [
    'two disks of one key',
    { vms: [vm('sql01', { disks: [disk(), disk({ label: 'Hard disk 2' })] })] },
    'with the key "2000" twice',
  ],
  [
    'two disks of one label',
    { vms: [vm('sql01', { disks: [disk(), disk({ key: 2001 })] })] },
    'with the label "Hard disk 1" twice',
  ],
  ['a hash of tiny leaves', { images: [image({ contentHash: { ...HASH, leafBytes: 65_535 } })] }, '"contentHash"'],
  ['a hash of huge leaves', { images: [image({ contentHash: { ...HASH, leafBytes: 2 ** 28 + 1 } })] }, '"contentHash"'],
  ['a hash that is none', { images: [image({ contentHash: { ...HASH, value: 'AB'.repeat(64) } })] }, '"contentHash"'],
  ['an image that is no whole sectors', { images: [image({ sizeBytes: 1000 })] }, '1000 bytes'],
  [
    'an image outside of the directory',
    { vms: [vm('sql01', { disks: [{ key: 2000, label: 'x', images: ['../x'] }] })], images: [image({ path: '../x' })] },
    'names',
  ],
])('%s is refused with what to do about it', async (_what, change, why) => {
  expect(await refusal(manifest(change))).toMatchObject({
    code: 'E_RESTORE',
    message: expect.stringContaining(why),
    hint: expect.stringMatching(/\S/),
  });
});

test('what is no JSON is refused like any other file', async () => {
  expect(await refusal('{')).toMatchObject({ code: 'E_RESTORE' });
});
