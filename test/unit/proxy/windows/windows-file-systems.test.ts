import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { wwn } from '../../../../src/ports/identity.ts';
import {
  closeWorlds,
  FOLDER,
  found,
  GPT_TYPES,
  gptDisk,
  MIB,
  makeWorld,
  mbrDisk,
  OTHER,
  soon,
  WWN,
} from './windows-world.ts';

afterEach(closeWorlds);

const oneVolume = () => ({ [WWN]: mbrDisk(1, [{ type: 7, content: 'NTFS' }]) });

test('a volume is mounted to a folder, read-only, after its log was replayed on the writable copy', async () => {
  const { mount, disk, directory, accessPaths } = await makeWorld(oneVolume());

  expect(await mount()).toMatchObject([
    { state: 'mounted', partition: 1, path: `${FOLDER}/part1`, holds: 'ntfs', offsetBytes: MIB, checkedBy: undefined },
  ]);

  expect(disk()).toMatchObject({ isOffline: false, isReadOnly: true });
  expect([...(disk()?.replayed ?? [])]).toEqual([MIB]);
  expect(accessPaths()).toContain(path.join(directory, FOLDER, 'part1'));
  expect(accessPaths().filter((one) => /^[A-Z]:/.test(one))).toEqual([]);
});

test('of what is handed over Windows changes nothing any more, whatever it does until the release', async () => {
  const { mount, release, machine, pathOf } = await makeWorld(oneVolume());
  const before = readFileSync(pathOf(WWN));
  await mount();
  const handedOver = readFileSync(pathOf(WWN));
  // Going online to replay its log the volume was written to.
  expect(handedOver.equals(before)).toBe(false);

  machine.rescan();
  await release();

  expect(readFileSync(pathOf(WWN)).equals(handedOver)).toBe(true);
});

test('what a job wants verified is refused before anything is sent; without a wish nothing is', async () => {
  const { fileSystems, program } = await makeWorld(oneVolume());
  const none = { fileSystems: false, files: false, fileHashes: false, applications: [] } as const;

  const wishes = [{ fileSystems: true }, { files: true }, { fileHashes: true }, { applications: ['sqlite'] as const }];
  for (const wish of wishes)
    await expect(fileSystems.preflightChecks({ ...none, ...wish }, soon())).rejects.toMatchObject({ code: 'E_PROXY' });
  await fileSystems.preflightChecks(none, soon());

  expect(program.pipelines).toEqual([]);
});

test('release leaves no access path, no folder and the disk offline, and may be repeated', async () => {
  const { mount, release, disk, directory, accessPaths, fileSystems } = await makeWorld(oneVolume());
  await mount();
  const mounted = () =>
    fileSystems.mountedIn(
      directory,
      [FOLDER, `${FOLDER}0`].map((folder) => ({ folder, devicePaths: undefined })),
      soon(),
    );
  expect(await mounted()).toBe(1);

  expect(await release()).toEqual([]);

  expect(await mounted()).toBe(0);

  expect(accessPaths()).toEqual([]);
  expect(disk()).toMatchObject({ isOffline: true });
  expect(readdirSync(directory)).toEqual([]);
  expect(await release()).toEqual([]);
});

test('what is mounted in the folder of another device is told and left alone', async () => {
  const { mount, release, disk, accessPaths, directory, pathOf } = await makeWorld(oneVolume());
  await mount();

  expect(await release(['somewhere-else'])).toEqual([
    { mountPoint: path.join(directory, FOLDER, 'part1'), device: pathOf(WWN) },
  ]);

  expect(accessPaths()).toContain(path.join(directory, FOLDER, 'part1'));
  expect(disk()).toMatchObject({ isOffline: false });
});

test('a mount of another device above the folders of a disk is left alone', async () => {
  const { machine, mount, release, disk, accessPaths, directory } = await makeWorld({
    ...oneVolume(),
    [OTHER]: mbrDisk(2, [{ type: 7, content: 'NTFS' }]),
  });
  const above = path.join(directory, path.dirname(FOLDER));
  mkdirSync(above);
  const other = found(disk(OTHER));
  machine.setOffline(other, false);
  machine.addAccessPath(found(other.volumes[0]), above);
  await mount();

  expect(await release()).toEqual([]);

  expect(accessPaths()).toContain(above);
  expect(readdirSync(above)).toEqual([]);
});

test('without a journal the mounts in the folder go, and no disk is taken offline', async () => {
  const { fileSystems, mount, disk, directory, accessPaths } = await makeWorld(oneVolume());
  await mount();

  await fileSystems.release(directory, [{ folder: FOLDER, devicePaths: undefined }], soon());

  expect(accessPaths()).not.toContain(path.join(directory, FOLDER, 'part1'));
  expect(disk()).toMatchObject({ isOffline: false });
});

test('a mount that was ended at any cmdlet that changes something is released by the next session', async () => {
  const whole = await makeWorld(oneVolume());
  await whole.mount();
  const changes = whole.program.pipelines.flatMap((text, index) => (text.startsWith('Get-') ? [] : [index + 1]));
  expect(changes).toHaveLength(9);

  for (const count of changes) {
    const world = await makeWorld(oneVolume());
    const abort = new AbortController();
    const mounting = world.mount(WWN, FOLDER, abort.signal).catch((error: unknown) => error);
    while (world.program.pipelines.length < count) await new Promise(setImmediate);
    abort.abort(new Error('killed'));
    expect(await mounting).toMatchObject({ message: 'killed' });

    await world.release();
    expect(world.accessPaths().filter((one) => one.startsWith(world.directory))).toEqual([]);
    expect(readdirSync(world.directory)).toEqual([]);
    await world.proxy.releaseDevices([wwn(WWN)], soon());
    expect(world.disk()).toMatchObject({ isOffline: true });
  }
});

test('what cannot be mounted is told, each with the reason', async () => {
  const { mount } = await makeWorld({
    [WWN]: mbrDisk(1, [
      { type: 0x42, content: 'NTFS' },
      { type: 7, content: 'nothing' },
      { type: 0x27, content: 'NTFS' },
      { type: 7, content: 'NTFS' },
    ]),
  });

  expect(await mount()).toMatchObject([
    { state: 'unreadable', why: expect.stringContaining('dynamic disk') },
    { state: 'unreadable', why: expect.stringContaining('BitLocker') },
    { state: 'no-files', why: expect.stringContaining('recovery') },
    { state: 'mounted', path: `${FOLDER}/part4` },
  ]);
});

test('of a GPT only basic data partitions are mounted', async () => {
  const { mount } = await makeWorld({
    [WWN]: gptDisk([
      GPT_TYPES.reserved,
      GPT_TYPES.efiSystem,
      GPT_TYPES.basicData,
      GPT_TYPES.linux,
      GPT_TYPES.dynamic,
      GPT_TYPES.recovery,
    ]),
  });

  expect(await mount()).toMatchObject([
    { state: 'no-files', why: expect.stringContaining('reserves') },
    { state: 'no-files', why: expect.stringContaining('EFI') },
    { state: 'mounted', partitionUuid: expect.stringMatching(/^00000003-/) },
    { state: 'unreadable', why: expect.stringContaining('0fc63daf-8483-4772-8e79-3d69d8477de4') },
    { state: 'unreadable', why: expect.stringContaining('dynamic disk') },
    { state: 'no-files', why: expect.stringContaining('recovery') },
  ]);
});

test('a disk without partitions is told as unreadable', async () => {
  const { mount } = await makeWorld({ [WWN]: Buffer.alloc(MIB) });

  expect(await mount()).toMatchObject([{ state: 'unreadable', partition: undefined, sizeBytes: MIB }]);
});

test('two copies of one signature are both mounted: the second gets another, which only a copy may', async () => {
  const twin = mbrDisk(7, [{ type: 7, content: 'NTFS' }]);
  const { mount, disk } = await makeWorld({ [WWN]: twin, [OTHER]: twin });

  expect(await mount()).toMatchObject([{ state: 'mounted' }]);
  expect(await mount(OTHER, 'sql01/disk-1')).toMatchObject([{ state: 'mounted' }]);

  expect(disk()?.layout.signature).toBe('07000000');
  expect(disk(OTHER)?.layout.signature).not.toBe('07000000');
});

test('an account that is not elevated, and a folder that holds something, are told before anything is done', async () => {
  const plain = await makeWorld(oneVolume(), { isElevated: false });
  await expect(plain.fileSystems.preflight(plain.directory, [FOLDER], soon())).rejects.toMatchObject({
    code: 'E_PROXY',
    message: expect.stringContaining('elevated'),
  });
  const { fileSystems, directory, mount } = await makeWorld(oneVolume());
  await fileSystems.preflight(directory, [FOLDER], soon());
  mkdirSync(path.join(directory, FOLDER, 'part1'), { recursive: true });
  writeFileSync(path.join(directory, FOLDER, 'part1', 'notes.txt'), '');

  await expect(fileSystems.preflight(directory, [FOLDER], soon())).rejects.toMatchObject({ code: 'E_EXPORT' });
  await expect(mount()).rejects.toMatchObject({ code: 'E_EXPORT', message: expect.stringContaining('notes.txt') });
});

test('a device that vanished is an error that names it', async () => {
  const { mount, machine, pathOf } = await makeWorld(oneVolume());
  rmSync(pathOf(WWN));
  machine.rescan();

  await expect(mount()).rejects.toMatchObject({
    code: 'E_PROXY_DEVICE',
    message: expect.stringContaining(pathOf(WWN)),
  });
});

test('where another device has the path by now, nothing is done to it', async () => {
  const { mount, seen, pathOf, program, disk } = await makeWorld(oneVolume());
  seen.add(pathOf(WWN), OTHER);

  await expect(mount()).rejects.toMatchObject({ code: 'E_PROXY_DEVICE' });

  expect(disk()).toMatchObject({ isOffline: true, isReadOnly: true });
  expect(program.pipelines.every((text) => text.startsWith('Get-'))).toBe(true);
});
