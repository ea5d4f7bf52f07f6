import { safeFileName } from './names.ts';
import type { SourceDevice } from './sources.ts';

/**
 * Where each image goes, the same on every run: `<vm>/<disk>.raw`, or `<datastore>/<device>.raw` for the extents of a datastore.
 * VMs whose names give the same folder are told apart by their instance UUID.
 */
export function imageNames(sources: readonly SourceDevice[]): readonly string[] {
  const names = sources.map((source) => nameOf(source, false));
  const uses = new Map<string, number>();
  for (const name of names) uses.set(name, (uses.get(name) ?? 0) + 1);
  return sources.map((source, index) => {
    const name = names[index];
    return name !== undefined && uses.get(name) === 1 ? name : nameOf(source, true);
  });
}

function nameOf({ device, holds, disks, datastore }: SourceDevice, distinct: boolean): string {
  if (holds === 'datastore') return `${safeFileName(`datastore-${datastore ?? ''}`)}/${device.id}.raw`;
  const [disk] = disks;
  const folder = safeFileName(disk?.vmName ?? '');
  const file = safeFileName((disk?.label ?? '').toLowerCase());
  return distinct ? `${folder}-${disk?.vm ?? ''}/${file}-${disk?.key ?? ''}.raw` : `${folder}/${file}.raw`;
}
