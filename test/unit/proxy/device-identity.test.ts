import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { wwn } from '../../../src/ports/identity.ts';
import { verifyIdentity } from '../../../src/proxy/linux/device-identity.ts';

const OURS = wwn('60000970000197900046533030303041');
const OTHER = '60000970000197900046533030303042';
/** The same two as namespaces. */
const OUR_NGUID = '00465330303030410000976000019790';
const OTHER_NGUID = '00465330303030420000976000019790';

function sysfs(device: string, file: string, content: string): string {
  const root = mkdtempSync(path.join(os.tmpdir(), 'snaphook-sysfs-'));
  const target = path.join(root, 'block', device, file);
  mkdirSync(path.dirname(target), { recursive: true });
  writeFileSync(target, content);
  return root;
}

test.each([
  ['sdc', 'device/wwid', `naa.${OURS}\n`],
  ['dm-3', 'dm/uuid', `mpath-3${OURS}\n`],
  ['sdc', 'device/wwid', `naa.${OURS.toUpperCase()}\n`],
  ['nvme0n1', 'wwid', `eui.${OUR_NGUID}\n`],
  ['dm-3', 'dm/uuid', `mpath-eui.${OUR_NGUID}\n`],
  ['sdc', 'device/vendor', 'EMC'],
])('a device %s whose %s says %j is read', async (device, file, content) => {
  await verifyIdentity(`/dev/${device}`, OURS, sysfs(device, file, content));
});

test.each([
  ['sdc', 'device/wwid', `naa.${OTHER}\n`],
  ['dm-3', 'dm/uuid', `mpath-3${OTHER}\n`],
  ['nvme0n1', 'wwid', `eui.${OTHER_NGUID}\n`],
  ['dm-3', 'dm/uuid', `mpath-eui.${OTHER_NGUID}\n`],
])('a device %s that is another one behind a stale name is refused by both names', async (device, file, content) => {
  await expect(verifyIdentity(`/dev/${device}`, OURS, sysfs(device, file, content))).rejects.toMatchObject({
    code: 'E_PROXY_DEVICE',
    message: expect.stringMatching(new RegExp(`${OURS}.*${OTHER}`)),
  });
});
