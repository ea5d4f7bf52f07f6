import { mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { systemClock } from '../../src/platform/clock.ts';
import { wwn } from '../../src/ports/identity.ts';
import { createLinuxProxy } from '../../src/proxy/linux/linux-proxy.ts';
import { proxyContract } from './proxy.ts';

const WWN = wwn('60000970000197900046533030303041');
/** By what name the device folder shows a device. */
type NameOf = (wwn: string) => string;
const scsi: NameOf = (id) => `wwn-0x${id}`;
/** The NGUID as the array makes it from the WWN. */
const nvme: NameOf = (id) => `nvme-eui.${id.slice(16)}${id.slice(1, 7)}${id.slice(0, 1)}${id.slice(7, 16)}`;

const worldOf = (nameOf: NameOf) => async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'snaphook-by-id-'));
  const node = (name: string) => path.join(folder, name);
  const create = (name: string, sizeBytes: number) => {
    writeFileSync(node(name), '');
    truncateSync(node(name), sizeBytes);
  };
  return {
    proxy: createLinuxProxy({ byIdFolder: folder, clock: systemClock }),
    create,
    node,
    present: (id: string, sizeBytes: number) => create(nameOf(id), sizeBytes),
    withdraw: (id: string) => rmSync(node(nameOf(id))),
  };
};
const makeWorld = worldOf(scsi);

proxyContract('Linux, SCSI', makeWorld);
proxyContract('Linux, NVMe', worldOf(nvme));

test.each([
  ['60000970000297901855533030343635', 'nvme-eui.18555330303436350000976000029790'],
  ['60000970000197900046533030324538', 'nvme-eui.00465330303245380000976000019790'],
  ['60000970000120001263533030313434', 'nvme-eui.12635330303134340000976000012000'],
  // A mobility id: not tied to the serial of its array.
  ['600009700bcbb7113a1d000000000201', 'nvme-eui.3a1d000000000201000097600bcbb711'],
  ['60000970000197900046533030324538', 'dm-uuid-mpath-eui.00465330303245380000976000019790'],
  ['60000970000197900046533030324538', 'scsi-360000970000197900046533030324538'],
])('device %s is recognised as %s', async (id, name) => {
  const { proxy, create, node } = await makeWorld();
  create(name, 10);

  expect(await proxy.paths([wwn(id)], AbortSignal.timeout(5000))).toEqual(new Map([[id, node(name)]]));
});

test('a multipath map is preferred to a single path of the same device', async () => {
  const { proxy, create, node } = await makeWorld();
  create(`wwn-0x${WWN}`, 10);
  create(`dm-uuid-mpath-3${WWN}`, 10);

  const [device] = await proxy.waitForDevices([{ wwn: WWN, sizeBytes: 10 }], AbortSignal.timeout(5000));

  expect(device?.path).toBe(node(`dm-uuid-mpath-3${WWN}`));
});

test.each([
  `wwn-0x${WWN}-part1`,
  `${nvme(WWN)}-part1`,
  `scsi-SEMC_SYMMETRIX_${WWN}`,
  `wwn-0x${WWN.slice(0, 16)}`,
  `nvme-eui.${WWN.slice(0, 16)}`,
])('the name %s is not taken for the whole device', async (name) => {
  const { proxy, create } = await makeWorld();
  create(name, 10);

  expect(await proxy.visible([WWN], AbortSignal.timeout(5000))).toEqual([]);
});

test('the signature of a device is read from the device itself, and a device that is gone is an error', async () => {
  const { proxy, node } = await makeWorld();
  const start = Buffer.alloc(1_966_080);
  start.writeUInt32LE(0x1234abcd, 440);
  start.writeUInt16LE(0xaa55, 510);
  writeFileSync(node(`wwn-0x${WWN}`), start);
  const [device] = await proxy.waitForDevices([{ wwn: WWN, sizeBytes: 10 }], AbortSignal.timeout(5000));
  if (!device) throw new Error('the device was not found');

  expect(await proxy.signature(device, AbortSignal.timeout(5000))).toEqual({ diskId: 'mbr:1234abcd', vmfs: undefined });
  rmSync(node(`wwn-0x${WWN}`));
  await expect(proxy.signature(device, AbortSignal.timeout(5000))).rejects.toMatchObject({ code: 'E_PROXY_DEVICE' });
});

test('a device folder that is not there is an error that names it', async () => {
  const proxy = createLinuxProxy({ byIdFolder: '/nonexistent/by-id', clock: systemClock });

  await expect(proxy.visible([WWN], AbortSignal.timeout(5000))).rejects.toMatchObject({
    code: 'E_PROXY',
    message: expect.stringContaining('/nonexistent/by-id'),
  });
});

test('a device that vanishes while it is looked at is an error that names it', async () => {
  const { proxy, node } = await makeWorld();
  symlinkSync('/nonexistent/sdq', node(`wwn-0x${WWN}`));

  await expect(proxy.waitForDevices([{ wwn: WWN, sizeBytes: 10 }], AbortSignal.timeout(5000))).rejects.toMatchObject({
    code: 'E_PROXY_DEVICE',
    message: expect.stringContaining(`wwn-0x${WWN}`),
  });
  await proxy.releaseDevices([WWN], AbortSignal.timeout(5000));
});
