import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { SnaphookError } from '../../ports/errors.ts';
import type { Wwn } from '../../ports/identity.ts';

/**
 * Compares what the kernel reads from the device itself with the name udev gave it: a name may be left over from another
 * device that had the same address. SCSI: page 0x83 identity in `device/wwid`; multipath: the map's uuid. A kernel that shows
 * neither cannot be asked, and the name is believed.
 */
export async function verifyIdentity(device: string, wwn: Wwn, sysfs = '/sys'): Promise<void> {
  const folder = path.join(sysfs, 'block', path.basename(device));
  const shown = (await readLine(path.join(folder, 'device/wwid'))) ?? (await readLine(path.join(folder, 'dm/uuid')));
  const identity = /^(?:naa\.|mpath-3)([0-9a-f]{32})$/i.exec(shown ?? '')?.[1];
  if (identity === undefined || identity.toLowerCase() === wwn) return;
  throw new SnaphookError(
    'E_PROXY_DEVICE',
    `device "${device}" is named for "${wwn}" but is "${identity.toLowerCase()}"`,
    {
      hint: 'The proxy has a stale path. Remove it (echo 1 > /sys/block/<sdX>/device/delete), rescan, and run the job again.',
    },
  );
}

const readLine = (file: string): Promise<string | undefined> =>
  readFile(file, 'latin1').then(
    (text) => text.trim(),
    () => undefined,
  );
