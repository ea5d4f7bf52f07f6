import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import { SHADOW_AREA_TEXT } from '../../src/lab/windows-guest/shadowed-disk.ts';
import { openSite, type Site } from '../lab/main-job/site.ts';
import { emptyImage, inGuest, MIB, partitionDisk, SIZE_BYTES, type Stretch, writeFiles } from './disk-image.ts';
import { treeOf } from './image-tree.ts';
import { copyToDevice } from './lab-device.ts';
import { heldBelow, must, newFolder } from './stage.ts';

const DEVICE = '00101';
const JOB = 'nightly';
const CYLINDERS = 12;
const STORE = 'System Volume Information/store';
const AREA_BYTES = 6 * MIB;
/** What a write of the guest covers at least. */
const PAGE_BYTES = 4096;
const wish = {
  grade: 'filesystem',
  files: { onUnreadable: 'fail' },
  verify: { fileSystems: true, files: [], applications: [] },
} as const;

let site: Site;
let image: string;
let stretch: Stretch;
let copied: Readonly<Record<string, string>>;

/** A Windows Server whose one disk has an NTFS, with room for what volsnap keeps of it. */
beforeAll(async () => {
  site = await openSite({ estate: { disks: 1, cylinders: CYLINDERS } });
  const { configFile } = site.lab;
  const config = parse(readFileSync(configFile, 'utf8'));
  config.guests[0].strategy = 'vss-diskshadow';
  config.jobs[JOB].handOver = 'files';
  // The stage has mounts of its own.
  config.proxy.mountNamespace = 'any';
  writeFileSync(configFile, stringify(config));
  image = path.join(newFolder('guest-disk'), 'disk');
  emptyImage(image, CYLINDERS * 15 * 131_072 - MIB);
  const [offsetBytes = 0] = partitionDisk(image, 'gpt', [{ content: 'ntfs', sizeBytes: SIZE_BYTES.ntfs }]);
  stretch = { offsetBytes, sizeBytes: SIZE_BYTES.ntfs };
  copied = inGuest(image, stretch, 'ntfs', (root) => {
    writeFiles(root, 'before');
    must('mkdir', [path.join(root, path.dirname(STORE))]);
    writeFileSync(path.join(root, STORE), Buffer.alloc(AREA_BYTES, SHADOW_AREA_TEXT));
    return treeOf(root);
  });
  copyToDevice(site, DEVICE, image);
});

afterAll(() => site.close());

/** The guest's programs go on: files are changed, added and removed. What was written reaches the disk page by page. */
function writeOn(): Readonly<Record<string, string>> {
  const before = readFileSync(image);
  const tree = inGuest(image, stretch, 'ntfs', (root) => {
    writeFiles(root, 'meanwhile');
    writeFileSync(path.join(root, 'added'), 'after the shadow copy');
    rmSync(path.join(root, 'folder 1'), { recursive: true });
    return treeOf(root);
  });
  const after = readFileSync(image);
  const uuid = site.lab.estate.guestDisks[0]?.uuid ?? '';
  for (let at = 0; at < after.length; at += PAGE_BYTES) {
    const page = after.subarray(at, at + PAGE_BYTES);
    if (!page.equals(before.subarray(at, at + PAGE_BYTES))) site.lab.guest.writeDisk(uuid, at, page);
  }
  return tree;
}

const withoutStore = (tree: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(tree).filter(([name]) => !name.startsWith('System Volume')));

test('what is handed over is the shadow copy inside the array snapshot, byte for byte, while the volume beside it shows what came after', async () => {
  let live: Readonly<Record<string, string>> = {};
  site.lab.guest.shadows.knobs.afterCreate = () => {
    live = writeOn();
  };

  const result = await site.pre({ job: JOB, spec: wish });

  const manifest = JSON.parse(readFileSync(path.join(result.directory, result.manifest), 'utf8'));
  const [{ grade, reasons, evidence }] = manifest.vms;
  const [shadow] = evidence.guest.freeze.shadowCopies;
  expect({ grade, reasons }).toEqual({
    grade: 'filesystem',
    reasons: ['no writer of an application is named that VSS could have verified'],
  });
  expect(manifest.fileSystems).toMatchObject([{ state: 'mounted', shadowCopy: shadow.id, checkedBy: 'ntfsclone' }]);
  const mounted = treeOf(path.join(result.directory, manifest.fileSystems[0].path));
  expect(withoutStore(mounted)).toEqual(withoutStore(copied));
  // The volume itself is that of the instant of the establish.
  const target = path.join(newFolder('target'), 'disk');
  const { sizeBytes } = site.lab.store.open(DEVICE);
  writeFileSync(target, site.lab.store.open(manifest.fileSystems[0].target).read(0, sizeBytes));
  expect(withoutStore(inGuest(target, stretch, 'ntfs', treeOf))).toEqual(withoutStore(live));
  expect(withoutStore(live)).not.toEqual(withoutStore(copied));
  // In the guest it is gone already, and its files are the live ones.
  expect(site.lab.guest.shadows.all()).toEqual([]);

  await site.post(JOB);
  expect(heldBelow(site.lab.directory)).toEqual([]);
  expect(site.leftBehind()).toEqual([]);
});
