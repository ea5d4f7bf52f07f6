import { filesOfImage, type ImageFormat } from '../ports/images.ts';
import { matchesName } from '../ports/name-pattern.ts';
import type { OwnerGroup } from './job-spec.ts';
import { safeFileName } from './names.ts';
import type { SourceDevice } from './sources.ts';

const EXTENSIONS: Readonly<Record<ImageFormat, string>> = {
  raw: 'raw',
  'vmdk-flat': 'vmdk',
  'vmdk-stream': 'vmdk',
  qcow2: 'qcow2',
  bands: 'bands',
};

/** Where there are owner groups: the folder of all that belongs to none, or to the VMs of several. */
const OF_NO_GROUP = 'ungrouped';

/**
 * Where each image goes, the same on every run: `<vm>/<disk>.raw`, or `<datastore>/<device>.raw` for the extents of a datastore
 * (other formats, other extensions), in the folder of its owner group where there are any. VMs whose names give the same folder are told
 * apart by their instance UUID.
 */
export function imageNames(
  sources: readonly SourceDevice[],
  format: ImageFormat,
  groups: readonly OwnerGroup[] = [],
): readonly string[] {
  const pathOf = (source: SourceDevice, distinct: boolean) =>
    `${groupFolder(source, groups)}${nameOf(source, distinct)}.${EXTENSIONS[format]}`;
  // Bands are in a folder of that path and have no files that a run hands over.
  const filesOf = (path: string) => [
    ...new Set([path, ...filesOfImage({ path, format, sizeBytes: 0 }).map((file) => file.path)]),
  ];
  const uses = new Map<string, number>();
  for (const source of sources)
    for (const file of filesOf(pathOf(source, false))) uses.set(file, (uses.get(file) ?? 0) + 1);
  return sources.map((source) => {
    const path = pathOf(source, false);
    return filesOf(path).every((file) => uses.get(file) === 1) ? path : pathOf(source, true);
  });
}

const groupFolder = ({ holds, disks }: SourceDevice, groups: readonly OwnerGroup[]): string =>
  folderOfOwner(holds === 'disk' ? (disks[0]?.vmName ?? '') : undefined, groups);

/** With a slash at its end; empty where there are no groups. Undefined: of no single VM. */
export function folderOfOwner(vmName: string | undefined, groups: readonly OwnerGroup[]): string {
  if (groups.length === 0) return '';
  const fits = (pattern: string) => vmName !== undefined && matchesName(pattern, vmName);
  const group = groups.find(({ vms }) => vms.some(fits));
  return `${group ? group.group : OF_NO_GROUP}/`;
}

function nameOf({ device, holds, disks, datastore }: SourceDevice, distinct: boolean): string {
  if (holds === 'datastore') return `${safeFileName(`datastore-${datastore ?? ''}`)}/${device.id}`;
  const [disk] = disks;
  const folder = safeFileName(disk?.vmName ?? '');
  const file = safeFileName((disk?.label ?? '').toLowerCase());
  return distinct ? `${folder}-${disk?.vm ?? ''}/${file}-${disk?.key ?? ''}` : `${folder}/${file}`;
}
