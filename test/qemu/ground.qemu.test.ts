import { execFile } from 'node:child_process';
import { closeSync, ftruncateSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import type { DeviceStore } from '../../src/lab/devices/device-store.ts';
import { TRACK_BYTES } from '../../src/lab/devices/store-contract.ts';
import { type ArrayGuest, startArrayGuest, until } from './array-guest.ts';
import { type CountingWriter, highestCount, startCountingWriter } from './counting-writer.ts';
import { checkExt4 } from './ext4-image.ts';
import { DISKS } from './guest-disks.ts';
import { type QemuGuest, startQemuGuest } from './qemu-guest.ts';
import { sshOnce } from './ssh.ts';
import { guestParts } from './stage.ts';

/** Where each file system keeps its UUID, from its start. */
const UUID_AT = { ext4: 1024 + 0x68, xfs: 0x20, btrfs: 0x10000 + 0x20 };
const PARTITION_AT = 1024 * 1024;

let array: ArrayGuest;
let folder: string;
let store: DeviceStore;
let guest: QemuGuest;

beforeAll(async () => {
  array = await startArrayGuest(DISKS);
  ({ folder, store, guest } = array);
}, 420_000);

afterAll(() => array?.close());

const output = (command: string) => array.output(command);

test('the guest runs a kernel of its own on programs of this machine', async () => {
  expect(await output('cat /proc/version')).not.toBe(
    (await promisify(execFile)('cat', ['/proc/version'])).stdout.trim(),
  );
  expect(await output('cat /etc/debian_version')).toBe(
    (await promisify(execFile)('cat', ['/etc/debian_version'])).stdout.trim(),
  );
  expect(await output('id -u')).toBe('0');
});

test('a login succeeds with the pinned host key, and fails with any other', async () => {
  const address = { port: guest.sshPort, privateKeyFile: guest.privateKeyFile };
  const pinned = await sshOnce({ ...address, knownHostsFile: guest.knownHostsFile }, 'echo in');
  expect(pinned).toMatchObject({ exitCode: 0, stdout: 'in\n' });

  const other = path.join(folder, 'known_hosts');
  const [type, base64 = ''] = guest.hostKey.split(' ');
  const changed = base64.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'));
  writeFileSync(other, `[127.0.0.1]:${guest.sshPort} ${type} ${changed}\n`);
  const refused = await sshOnce({ ...address, knownHostsFile: other }, 'echo in');
  expect(refused).toMatchObject({ exitCode: 255, stdout: '' });
  expect(refused.stderr).toContain('Host key verification failed');
});

test('a static program sent over SSH runs there, and sees disks and mounts', async () => {
  const program = readFileSync(path.join(guestParts(), 'packages/bin/busybox'));
  const sent = await guest.run('cat >/tmp/busybox-sent && chmod 700 /tmp/busybox-sent', program);
  expect(sent).toEqual({ exitCode: 0, stdout: '', stderr: '' });

  const disks = (await output('/tmp/busybox-sent ls /sys/class/block')).split('\n');
  expect(disks).toEqual(expect.arrayContaining(guest.disks.map(({ volume }) => path.basename(volume))));
  const mounts = await output('/tmp/busybox-sent cat /proc/self/mountinfo');
  for (const { mountPoint } of guest.disks) expect(mounts).toContain(` ${mountPoint} `);
});

test('every disk shows its serial number and is the lab device of the same content', async () => {
  for (const { serial, device, volume, fileSystem, partitioned, mountPoint, labDevice } of guest.disks) {
    const shown = await output(`
      tail -c +5 /sys/block/${path.basename(device)}/device/vpd_pg80; echo
      findmnt -no SOURCE,FSTYPE ${mountPoint} | xargs
      blkid -p -s UUID -o value ${volume}`);
    const at = UUID_AT[fileSystem] + (partitioned ? PARTITION_AT : 0);
    const uuid = store.open(labDevice).read(at, 16).toString('hex');

    expect(volume).toBe(partitioned ? `${device}1` : device);
    expect(shown.replaceAll('-', '').split('\n')).toEqual([serial, `${volume} ${fileSystem}`, uuid]);
  }
});

test.each(DISKS)('fsfreeze holds every writer of $fileSystem until it is thawed', async ({ mountPoint }) => {
  const file = `${mountPoint}/held`;
  const [frozenTwice, whileFrozen, after] = (
    await output(`
      fsfreeze -f ${mountPoint}
      trap 'fsfreeze -u ${mountPoint} 2>/dev/null' EXIT
      fsfreeze -f ${mountPoint} 2>/dev/null; echo $?
      (exec sh -c 'echo written >${file}') &
      until grep -q '^State:.D' /proc/$!/status; do sleep 0.05; done
      test -s ${file}; echo $?
      fsfreeze -u ${mountPoint}
      wait $!
      cat ${file}`)
  ).split('\n');

  expect([frozenTwice, whileFrozen, after]).toEqual(['1', '1', 'written']);
});

describe('under load', () => {
  let writer: CountingWriter;
  const countNow = (id: string) => highestCount(store.open(id), store.extents(id));
  const ids = DISKS.map(({ labDevice }) => labDevice);

  const countIn = (id: string, snapId: number) =>
    highestCount(store.readSnapshot(id, snapId), store.snapshotExtents(id, snapId));

  /** What the superblock of the snapshot's ext4 says, and whether its structures are sound without a replay. */
  async function ext4Of(snapId: number): Promise<{ needsRecovery: boolean; checkExitCode: number }> {
    const image = path.join(folder, 'ext4.raw');
    const blocks = store.readSnapshot('00001', snapId);
    const descriptor = openSync(image, 'w');
    ftruncateSync(descriptor, blocks.sizeBytes);
    for (const { firstTrack, tracks } of store.snapshotExtents('00001', snapId)) {
      const at = firstTrack * TRACK_BYTES;
      writeSync(descriptor, blocks.read(at, tracks * TRACK_BYTES), 0, tracks * TRACK_BYTES, at);
    }
    closeSync(descriptor);
    return checkExt4(image);
  }

  beforeAll(async () => {
    writer = await startCountingWriter(array);
    await until(() => countNow('00003') > 3 || undefined, 'the writer counted on the last disk');
  }, 90_000);

  afterAll(async () => {
    expect(await writer.end()).toBe('');
  });

  test('one establish over three disks of a running guest is one instant, but its ext4 needs a recovery', async () => {
    for (let round = 0; round < 5; round++) {
      const before = countNow('00003');
      const { snapId } = store.establish({ name: 'running', devices: ids });
      const [first = 0, second = 0, third = 0] = ids.map((id) => countIn(id, snapId));

      expect(first).toBeGreaterThan(0);
      expect([first - second, second - third, first - third].every((ahead) => ahead === 0 || ahead === 1)).toBe(true);
      await until(() => countNow('00003') > before + 2 || undefined, 'the writer went on');
      if (round === 0) expect((await ext4Of(snapId)).needsRecovery).toBe(true);
    }
  });

  test('an establish for each disk, moments apart, is not one instant', async () => {
    const early = store.establish({ name: 'apart', devices: ['00001'] });
    const count = countIn('00001', early.snapId);
    await until(() => countNow('00003') > count || undefined, 'the writer overtook the first snapshot');
    const late = store.establish({ name: 'apart', devices: ['00003'] });

    expect(countIn('00003', late.snapId)).toBeGreaterThan(countIn('00001', early.snapId));
  });

  test('an establish while all file systems are frozen holds a clean ext4, and the guest goes on after the thaw', async () => {
    const places = guest.disks.map(({ mountPoint }) => mountPoint);
    await output(places.map((place) => `fsfreeze -f ${place}`).join(' && '));
    const frozenAt = ids.map(countNow);
    const { snapId } = store.establish({ name: 'frozen', devices: ids });
    await output(places.map((place) => `fsfreeze -u ${place}`).join('; '));
    await until(() => countNow('00003') > (frozenAt[2] ?? 0) + 1 || undefined, 'the writer went on');

    expect(ids.map((id) => countIn(id, snapId))).toEqual(frozenAt);
    expect(await ext4Of(snapId)).toEqual({ needsRecovery: false, checkExitCode: 0 });
  });
});

test('a guest that is not up in time is given up with what its console said', async () => {
  await expect(startQemuGuest({ parts: guestParts(), nbd: array.nbd, disks: [], bootLimitMs: 1 })).rejects.toThrow(
    /not up after 1 ms; the console said/,
  );
});

test('the array met no defect of its own', () => {
  expect(array.events.events.filter(({ detail }) => detail.defect !== undefined)).toEqual([]);
});
