import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import { SHADOW_AREA_TEXT } from '../../src/lab/windows-guest/shadowed-disk.ts';
import { openSite, type Site } from '../lab/main-job/site.ts';
import { emptyImage, inGuest, MIB, partitionDisk, SIZE_BYTES, type Stretch, writeFiles } from './disk-image.ts';
import { treeOf } from './image-tree.ts';
import { copyToDevice } from './lab-device.ts';
import { must, newFolder } from './stage.ts';

const DEVICE = '00101';
export const JOB = 'nightly';
const CYLINDERS = 12;
const STORE = 'System Volume Information/store';
const AREA_BYTES = 6 * MIB;
/** What a write of the guest covers at least. */
const PAGE_BYTES = 4096;

type Tree = Readonly<Record<string, string>>;

/** A Windows Server whose one disk has an NTFS, with room for what volsnap keeps of it. */
export interface ShadowSite {
  readonly site: Site;
  readonly stretch: Stretch;
  /** The files when the shadow copy is made. */
  readonly copied: Tree;
  /** The files when the array takes its snapshot: the guest's programs went on. */
  readonly live: () => Tree;
}

/** `change`: what else is set in the configuration. */
export async function openShadowSite(
  change: (proxy: Record<string, unknown>, site: Site) => Promise<void> | void,
): Promise<ShadowSite> {
  const site = await openSite({ estate: { disks: 1, cylinders: CYLINDERS } });
  const { configFile } = site.lab;
  const config = parse(readFileSync(configFile, 'utf8'));
  config.guests[0].strategy = 'vss-diskshadow';
  config.jobs[JOB].handOver = 'files';
  await change(config.proxy, site);
  writeFileSync(configFile, stringify(config));
  const image = path.join(newFolder('guest-disk'), 'disk');
  emptyImage(image, CYLINDERS * 15 * 131_072 - MIB);
  const [offsetBytes = 0] = partitionDisk(image, 'gpt', [
    { content: 'ntfs', sizeBytes: SIZE_BYTES.ntfs, type: BASIC_DATA },
  ]);
  const stretch = { offsetBytes, sizeBytes: SIZE_BYTES.ntfs };
  const copied = inGuest(image, stretch, 'ntfs', (root) => {
    writeFiles(root, 'before');
    must('mkdir', [path.join(root, path.dirname(STORE))]);
    writeFileSync(path.join(root, STORE), Buffer.alloc(AREA_BYTES, SHADOW_AREA_TEXT));
    return treeOf(root);
  });
  copyToDevice(site, DEVICE, image);
  let live: Tree = {};
  site.lab.guest.shadows.knobs.afterCreate = () => {
    live = writeOn(site, image, stretch);
  };
  return { site, stretch, copied: withoutStore(copied), live: () => withoutStore(live) };
}

/** Of which Windows makes volumes. */
const BASIC_DATA = 'EBD0A0A2-B9E5-4433-87C0-68B6B72699C7';

/** The guest's programs go on: files are changed, added and removed. What was written reaches the disk page by page. */
function writeOn(site: Site, image: string, stretch: Stretch): Tree {
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

/** What volsnap keeps is no file of anybody. */
export const withoutStore = (tree: Tree): Tree =>
  Object.fromEntries(Object.entries(tree).filter(([name]) => !name.startsWith('System Volume')));

/** The files of a target, as it is. */
export function liveFilesOf({ site, stretch }: ShadowSite, target: string): Tree {
  const file = path.join(newFolder('target'), 'disk');
  const { sizeBytes } = site.lab.store.open(DEVICE);
  writeFileSync(file, site.lab.store.open(target).read(0, sizeBytes));
  return withoutStore(inGuest(file, stretch, 'ntfs', treeOf));
}
