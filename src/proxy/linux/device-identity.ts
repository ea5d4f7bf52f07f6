import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { SnaphookError } from '../../ports/errors.ts';
import { wwn as toWwn, type Wwn, wwnOfNguid } from '../../ports/identity.ts';

/**
 * Compares what the kernel reads from the device itself with the name udev gave it: a name may be left over from another
 * device that had the same address. SCSI: page 0x83 identity in `device/wwid`; NVMe: the NGUID of the namespace in `wwid`;
 * multipath: the map's uuid. A kernel that shows none of them cannot be asked, and the name is believed.
 */
export async function verifyIdentity(device: string, wwn: Wwn, sysfs = '/sys'): Promise<void> {
  const folder = path.join(sysfs, 'block', path.basename(device));
  const shown = await Promise.all(['device/wwid', 'wwid', 'dm/uuid'].map((file) => readLine(path.join(folder, file))));
  const identity = shown.map((text) => identityOf(text ?? '')).find((one) => one !== undefined);
  if (identity === undefined || identity === wwn) return;
  throw new SnaphookError('E_PROXY_DEVICE', `device "${device}" is named for "${wwn}" but is "${identity}"`, {
    hint: 'The proxy has a stale path. Remove it (echo 1 > /sys/block/<sdX>/device/delete), rescan, and run the job again.',
  });
}

function identityOf(shown: string): Wwn | undefined {
  const [, naa, nguid] =
    /^(?:(?:naa\.|mpath-3)([0-9a-f]{32})|(?:mpath-)?eui\.([0-9a-f]{32}))$/.exec(shown.toLowerCase()) ?? [];
  if (nguid !== undefined) return wwnOfNguid(nguid);
  return naa === undefined ? undefined : toWwn(naa);
}

const readLine = (file: string): Promise<string | undefined> =>
  readFile(file, 'latin1').then(
    (text) => text.trim(),
    () => undefined,
  );
