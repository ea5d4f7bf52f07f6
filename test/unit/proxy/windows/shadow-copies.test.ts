import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, unlinkSync } from 'node:fs';
import path from 'node:path';
import { shadowBehind } from '../../../../src/lab/proxy/windows/directory-links.ts';
import { deviceObject } from '../../../../src/lab/proxy/windows/volume-shadows.ts';
import { SHADOW_BLOCK_BYTES, type ShadowCopy, shadowPieces } from '../../../../src/lab/windows-guest/shadow-store.ts';
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

const OLDER = '11111111-8e0c-4c55-9f0b-0c5c6e1e2d01';
const NEWER = '11111111-8e0c-4c55-9f0b-0c5c6e1e2d02';
/** As diskshadow writes it. */
const asTold = (id: string) => `{${id.toUpperCase()}}`;
/** A place in the volume whose content differs between the older copy, the newer one, and now. */
const CHANGED_BYTES = 4 * SHADOW_BLOCK_BYTES;
const AREA_BYTES = 16 * SHADOW_BLOCK_BYTES;
const CONTENT = { older: 0x11, newer: 0x22, now: 0x33 } as const;

/** Two shadow copies in the volume of that partition. */
function putShadows(disk: Buffer, partition = 1): Buffer {
  const start = partition * MIB;
  const copy = (shadowCopyId: string, storeId: string, content: number): ShadowCopy => ({
    shadowCopyId,
    setId: '22222222-8e0c-4c55-9f0b-0c5c6e1e2d00',
    storeId,
    createdAt: new Date(0),
    overwritten: new Map([[CHANGED_BYTES, Buffer.alloc(SHADOW_BLOCK_BYTES, content)]]),
  });
  const copies = [
    copy(OLDER, '33333333-8e0c-4c55-9f0b-0c5c6e1e2d01', CONTENT.older),
    copy(NEWER, '33333333-8e0c-4c55-9f0b-0c5c6e1e2d02', CONTENT.newer),
  ];
  const volume = {
    volumeId: '44444444-8e0c-4c55-9f0b-0c5c6e1e2d00',
    sizeBytes: MIB,
    areaOffsetBytes: AREA_BYTES,
  };
  for (const { offsetBytes, data } of shadowPieces(volume, copies)) disk.set(data, start + offsetBytes);
  disk.fill(CONTENT.now, start + CHANGED_BYTES, start + CHANGED_BYTES + SHADOW_BLOCK_BYTES);
  return disk;
}

const NTFS = { type: 7, content: 'NTFS' } as const;
const shadowed = (signature = 1) => putShadows(mbrDisk(signature, [NTFS]));

async function makeShadowWorld(disks: Readonly<Record<string, Buffer>> = { [WWN]: shadowed() }) {
  const world = await makeWorld(disks);
  const link = path.join(world.directory, FOLDER, 'part1');
  return {
    ...world,
    link,
    mountCopy: (ids: readonly string[] = [asTold(OLDER)], id = WWN, folder = FOLDER, signal = soon()) =>
      world.mount(id, folder, signal, ids),
    /** What is read at the changed place through the link. */
    readThrough: (file = link) => shadowBehind(world.machine, file)?.read?.(CHANGED_BYTES, 1)[0],
    mounted: (ids: readonly string[] = [asTold(OLDER)], id = WWN) =>
      world.fileSystems.mountedIn(
        world.directory,
        [{ folder: FOLDER, devicePaths: [world.pathOf(id)], shadowCopies: ids }],
        soon(),
      ),
  };
}

const isLink = (file: string): boolean => lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;

test.each([
  [OLDER, CONTENT.older],
  [NEWER, CONTENT.newer],
])('shadow copy %s is handed over through a link, as it was when it was made', async (id, content) => {
  const { mountCopy, readThrough, disk, link, accessPaths, mounted, pathOf } = await makeShadowWorld();

  expect(await mountCopy(['{00000000-0000-0000-0000-000000000000}', asTold(id)])).toMatchObject([
    { state: 'mounted', path: `${FOLDER}/part1`, holds: 'ntfs', checkedBy: undefined, shadowCopy: asTold(id) },
  ]);

  expect(isLink(link)).toBe(true);
  expect(readThrough()).toBe(content);
  expect(readFileSync(pathOf(WWN))[MIB + CHANGED_BYTES]).toBe(CONTENT.now);
  // Of the volume itself nothing can be seen.
  expect(accessPaths().filter((one) => !one.startsWith('\\\\?\\'))).toEqual([]);
  expect(disk()).toMatchObject({ isOffline: false, isReadOnly: false });
  expect(await mounted([asTold(id)])).toBe(1);
});

test('release takes the link away and the disk offline, and may be repeated', async () => {
  const { mountCopy, release, disk, directory, mounted } = await makeShadowWorld();
  await mountCopy();

  expect(await release()).toEqual([]);

  expect(disk()).toMatchObject({ isOffline: true });
  expect(readdirSync(directory)).toEqual([]);
  expect(await mounted()).toBe(0);
  expect(await release()).toEqual([]);
});

test('VSS is waited for: it may tell of a shadow copy long after the disk went online', async () => {
  const { machine, mountCopy, readThrough } = await makeShadowWorld();
  machine.shadows.queriesUntilKnown = 20;

  expect(await mountCopy()).toMatchObject([{ state: 'mounted', shadowCopy: asTold(OLDER) }]);

  expect(readThrough()).toBe(CONTENT.older);
});

test('a volume in which Windows never tells of the copy is not handed over as it was while the guest wrote, and its disk is read-only', async () => {
  const { machine, mountCopy, disk, link, accessPaths } = await makeShadowWorld();
  machine.shadows.queriesUntilKnown = 1000;

  expect(await mountCopy()).toMatchObject([
    { state: 'unreadable', partition: 1, holds: 'ntfs', why: expect.stringContaining('tells of no shadow copy') },
  ]);

  expect(existsSync(link)).toBe(false);
  expect(accessPaths()).not.toContain(link);
  expect(disk()).toMatchObject({ isOffline: false, isReadOnly: true });
});

test('a shadow copy of that id in another volume is never taken: not one of the proxy itself, nor one of another disk', async () => {
  const world = await makeShadowWorld({ [WWN]: mbrDisk(1, [NTFS]), [OTHER]: shadowed(2) });
  world.machine.shadows.addOwn(OLDER);
  await world.mountCopy([asTold(OLDER)], OTHER, 'other/disk-0');

  expect(await world.mountCopy()).toMatchObject([{ state: 'unreadable' }]);

  expect(world.readThrough(path.join(world.directory, 'other/disk-0/part1'))).toBe(CONTENT.older);
});

test('two disks with a copy of the same id, as of two snapshots of one guest, have each its own', async () => {
  const world = await makeShadowWorld({ [WWN]: shadowed(1), [OTHER]: shadowed(2) });
  const second = path.join(world.directory, 'other/disk-0/part1');
  await world.mountCopy();
  await world.mountCopy([asTold(OLDER)], OTHER, 'other/disk-0');

  const volumeOf = (id: string) => world.disk(id)?.volumes[0]?.path;
  expect(shadowBehind(world.machine, world.link)?.volumePath).toBe(volumeOf(WWN));
  expect(shadowBehind(world.machine, second)?.volumePath).toBe(volumeOf(OTHER));
});

test('a device object that is taken over while the link is made is noticed, and the link goes with the release', async () => {
  const { machine, mountCopy, release, program, disk, directory } = await makeShadowWorld();
  const mounting = mountCopy().catch((error: unknown) => error);
  while (!program.pipelines.some((text) => text.startsWith('Get-ChildItem'))) await new Promise(setImmediate);
  for (const { path: volume } of found(disk()).volumes) machine.shadows.leave(volume);

  expect(await mounting).toMatchObject({ code: 'E_PROXY', message: expect.stringContaining('no longer') });

  await release();
  expect(readdirSync(directory)).toEqual([]);
});

test('a volume without a copy beside one with it is not handed over: its disk has to stay writable', async () => {
  const disk = putShadows(mbrDisk(1, [NTFS, { type: 7, content: 'nothing' }, NTFS]));
  disk.write('ReFS', 2 * MIB + 3, 'latin1');
  const { mountCopy } = await makeShadowWorld({ [WWN]: disk });

  expect(await mountCopy()).toMatchObject([
    { state: 'mounted', partition: 1 },
    { state: 'unreadable', partition: 2, why: expect.stringContaining('writable') },
    { state: 'unreadable', partition: 3, why: expect.stringContaining('no shadow copy') },
  ]);
});

test('the folder of the link is not taken from others', async () => {
  const { mountCopy, link, directory } = await makeShadowWorld();
  mkdirSync(path.join(link, 'notes'), { recursive: true });

  await expect(mountCopy()).rejects.toMatchObject({ code: 'E_EXPORT', message: expect.stringContaining('notes') });

  expect(readdirSync(path.join(directory, FOLDER))).toEqual(['part1']);
});

test('a mount that was ended at any request that changes something is released by the next session', async () => {
  const whole = await makeShadowWorld();
  await whole.mountCopy();
  const changes = whole.program.pipelines.flatMap((text, index) => (text.startsWith('Get-') ? [] : [index + 1]));
  // Writable, online, layout, flush, letter, link.
  expect(changes).toHaveLength(6);

  for (const count of [...changes, whole.program.pipelines.length]) {
    const world = await makeShadowWorld();
    const abort = new AbortController();
    const mounting = world.mountCopy(undefined, WWN, FOLDER, abort.signal).catch((error: unknown) => error);
    while (world.program.pipelines.length < count) await new Promise(setImmediate);
    abort.abort(new Error('killed'));
    await mounting;

    await world.release();
    expect(readdirSync(world.directory)).toEqual([]);
    await world.proxy.releaseDevices([wwn(WWN)], soon());
    expect(world.disk()).toMatchObject({ isOffline: true });
  }
});

test('a link that leads nowhere any more is no mount, and is released: its disk went offline, and its number is nobody’s', async () => {
  const { machine, mountCopy, release, mounted, disk, directory } = await makeShadowWorld();
  await mountCopy();
  machine.setOffline(found(disk()), true);
  expect(await mounted()).toBe(0);

  expect(await release()).toEqual([]);

  expect(readdirSync(directory)).toEqual([]);
});

test('a link whose number another shadow copy has by now is no mount: nobody is to read one for the other', async () => {
  const { machine, mountCopy, mounted, disk, link } = await makeShadowWorld();
  await mountCopy();
  expect([await mounted(), await mounted([asTold(NEWER)]), await mounted(undefined, OTHER)]).toEqual([1, 0, 0]);

  // As after a new start of the proxy.
  machine.setOffline(found(disk()), true);
  unlinkSync(link);
  symlinkSync(`${deviceObject(machine.shadows.addOwn().number)}\\`, link);

  expect(await mounted()).toBe(0);
});

test('where nobody can tell what is in the folder, nothing is called released', async () => {
  const { release, directory } = await makeShadowWorld();
  mkdirSync(path.dirname(path.join(directory, FOLDER)), { recursive: true });
  symlinkSync(path.basename(FOLDER), path.join(directory, FOLDER));

  await expect(release()).rejects.toMatchObject({ code: 'E_PROXY', message: expect.stringContaining(FOLDER) });
});

test('nobody waits for a shadow copy in partitions that are handed over in no way', async () => {
  const disk = gptDisk([GPT_TYPES.efiSystem, GPT_TYPES.recovery, GPT_TYPES.basicData]);
  const { mountCopy, program } = await makeShadowWorld({ [WWN]: putShadows(disk, 3) });

  expect(await mountCopy()).toMatchObject([
    { state: 'no-files' },
    { state: 'no-files' },
    { state: 'mounted', shadowCopy: asTold(OLDER) },
  ]);

  // Once until it is told, once for the link, and once behind that.
  expect(program.pipelines.filter((text) => text.includes('Win32_ShadowCopy'))).toHaveLength(3);
});

test('a recovery partition is not handed over, also where a copy is in it', async () => {
  const disk = mbrDisk(1, [NTFS, { type: 39, content: 'NTFS' }]);
  const { mountCopy, link } = await makeShadowWorld({ [WWN]: putShadows(disk, 2) });

  expect(await mountCopy()).toMatchObject([
    { state: 'unreadable', partition: 1 },
    { state: 'no-files', partition: 2 },
  ]);

  expect(existsSync(link)).toBe(false);
});

test('where a release died when the link was gone, the disk is still taken offline by its identity', async () => {
  const { mountCopy, release, link, disk, directory, proxy } = await makeShadowWorld();
  await mountCopy();
  unlinkSync(link);

  expect(await release()).toEqual([]);
  await proxy.releaseDevices([wwn(WWN)], soon());

  expect(readdirSync(directory)).toEqual([]);
  expect(disk()).toMatchObject({ isOffline: true });
});

test('a link that leads to another disk, or to no shadow copy, is told and left alone', async () => {
  const { machine, mountCopy, release, link, disk, pathOf } = await makeShadowWorld();
  await mountCopy();
  const others = path.join(path.dirname(link), 'part2');
  symlinkSync('/somewhere', others);

  expect(await release(['another-disk'])).toEqual([
    { mountPoint: link, device: pathOf(WWN) },
    { mountPoint: others, device: '/somewhere' },
  ]);

  expect([isLink(link), isLink(others)]).toEqual([true, true]);
  expect(disk()).toMatchObject({ isOffline: false });
  // A number that is one of the proxy's own by now.
  machine.setOffline(found(disk()), true);
  unlinkSync(link);
  symlinkSync(`${deviceObject(machine.shadows.addOwn().number)}\\`, link);
  expect(await release()).toContainEqual({ mountPoint: link, device: expect.stringContaining('Volume{') });
  expect(isLink(link)).toBe(true);
});

test('without a journal the links in the folder go, and no disk is taken offline', async () => {
  const { fileSystems, mountCopy, disk, directory, link } = await makeShadowWorld();
  await mountCopy();

  await fileSystems.release(directory, [{ folder: FOLDER, devicePaths: undefined }], soon());

  expect(isLink(link)).toBe(false);
  expect(disk()).toMatchObject({ isOffline: false });
});
