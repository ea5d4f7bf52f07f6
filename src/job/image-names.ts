import type { ImageFormat } from '../ports/images.ts';
import { safeFileName } from './names.ts';
import type { SourceDevice } from './sources.ts';

const EXTENSIONS: Readonly<Record<ImageFormat, string>> = { raw: 'raw', bands: 'bands' };

/**
 * Where each image goes, the same on every run: `<vm>/<disk>.raw`, or `<datastore>/<device>.raw` for the extents of a datastore; other formats have other
 * extensions.
 * VMs whose names give the same folder are told apart by their instance UUID.
 */
export function imageNames(sources: readonly SourceDevice[], format: ImageFormat): readonly string[] {
  const names = sources.map((source) => nameOf(source, false));
  const uses = new Map<string, number>();
  for (const name of names) uses.set(name, (uses.get(name) ?? 0) + 1);
  return sources.map((source, index) => {
    const name = names[index];
    const own = name !== undefined && uses.get(name) === 1 ? name : nameOf(source, true);
    return `${own}.${EXTENSIONS[format]}`;
  });
}

function nameOf({ device, holds, disks, datastore }: SourceDevice, distinct: boolean): string {
  if (holds === 'datastore') return `${safeFileName(`datastore-${datastore ?? ''}`)}/${device.id}`;
  const [disk] = disks;
  const folder = safeFileName(disk?.vmName ?? '');
  const file = safeFileName((disk?.label ?? '').toLowerCase());
  return distinct ? `${folder}-${disk?.vm ?? ''}/${file}-${disk?.key ?? ''}` : `${folder}/${file}`;
}
