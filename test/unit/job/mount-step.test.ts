import { plannedManifestOf, readManifestNote } from '../../../src/job/manifest.ts';
import { MANIFEST_NAME, PLANNED_MANIFEST_NAME } from '../../../src/job/plan.ts';
import { runStep } from '../../../src/job/step.ts';
import { mountStep } from '../../../src/job/steps/mount.ts';
import { undoSteps } from '../../../src/job/undo.ts';
import { SnaphookError } from '../../../src/ports/errors.ts';
import type { Volume } from '../../../src/ports/file-systems.ts';
import { deviceId } from '../../../src/ports/identity.ts';
import { failure } from '../../failure.ts';
import { DEVICE_PATH, TARGET } from './worlds/linked-base.ts';
import { linkedRun, mounted, other } from './worlds/linked-run.ts';

const signal = new AbortController().signal;
const OTHER = deviceId('00102');

test('what is mounted, what holds no files and what was accepted as not readable stand in the manifest', async () => {
  const volumes = [mounted(1), other('no-files', 2), other('unreadable', 3)];
  const { run, manifest, site } = await linkedRun(volumes, { onUnreadable: 'note' });

  expect(await runStep(run, mountStep, signal)).toEqual({ mounted: 1, volumes: 3, gaps: 1 });

  expect(manifest()).toMatchObject({
    folders: ['vm/hard-disk-1'],
    images: [],
    fileSystems: [
      { state: 'mounted', path: 'vm/hard-disk-1/part1', checkedBy: 'e2fsck' },
      { state: 'no-files' },
      { state: 'unreadable', why: 'it is unreadable', vms: [{ name: 'vm', disk: 'Hard disk 1' }] },
    ],
  });
  expect(site.warnings).toEqual(['a part of a disk is not handed over']);
});

test.each([
  ['a file system that is not sound', [mounted(1), other('damaged', 2)], { onUnreadable: 'note' }, 'E_VERIFY'],
  ['what cannot be read', [mounted(1), other('unreadable', 2)], {}, 'E_UNREADABLE'],
  [
    'an unsound one that is not to be verified, as it cannot be read',
    [mounted(1), other('damaged', 2)],
    { verify: false },
    'E_UNREADABLE',
  ],
  ['an empty hand-over', [other('no-files', 1)], {}, 'E_EXPORT'],
  ['a hand-over of nothing but accepted gaps', [other('unreadable', 1)], { onUnreadable: 'note' }, 'E_EXPORT'],
] as const)('%s ends the run without a manifest that says it is complete', async (_, volumes, wish, code) => {
  const { run, site } = await linkedRun(volumes, wish);

  expect(await failure(runStep(run, mountStep, signal))).toMatchObject({ code });

  expect([...site.files.keys()]).toEqual([`/export/${PLANNED_MANIFEST_NAME}`]);
});

test.each([
  ['application', true],
  ['filesystem', true],
  ['crash', false],
  ['unknown', false],
])('a guest of grade "%s" wrote nothing at the instant: %s', async (grade, isQuiet) => {
  const { run, calls } = await linkedRun([mounted(1)], { grade });

  await runStep(run, mountStep, signal);

  expect(calls.isQuiet).toEqual([isQuiet]);
});

test('hashes of files are taken of what is mounted alone, before the manifest says that all is complete, and go with it', async () => {
  const verify = { fileSystems: false, fileHashes: true, files: [], applications: [] } as const;
  const volumes = [mounted(1), other('unreadable', 2), mounted(3)];
  const { run, calls, manifest, site } = await linkedRun(volumes, { verify, onUnreadable: 'note' });

  await runStep(run, mountStep, signal);

  expect(calls.did.slice(-2)).toEqual(['index vm/hard-disk-1/part1 vm/hard-disk-1/part3', `write ${MANIFEST_NAME}`]);
  expect(manifest().filesIndex).toEqual({ path: 'snaphook-files.list', sizeBytes: 1, blake2b: '00', entries: 1 });
  expect(await undoSteps(run)).toEqual([]);
  expect([...site.files.keys()]).toEqual([]);
});

test('whoever finds a manifest of mounted files with hashes knows that the index is part of it', async () => {
  const verify = { fileSystems: false, fileHashes: true, files: [], applications: [] } as const;
  const { run, manifest } = await linkedRun([mounted(1)], { verify });
  await runStep(run, mountStep, signal);

  for (const text of [plannedManifestOf(run.plan), JSON.stringify(manifest())])
    expect(readManifestNote(text)?.files).toEqual(['snaphook-files.list']);
});

const SHADOW_COPY = {
  id: '{3A1B0F52-8E0C-4C55-9F0B-0C5C6E1E2D01}',
  setId: '{3A1B0F52-8E0C-4C55-9F0B-0C5C6E1E2D02}',
  createdAt: '2026-01-01T00:00:00.000Z',
  volume: 'E:\\',
};

test('a shadow copy that the freeze left is asked for, and what is mounted in its place counts as written to', async () => {
  const volumes = [{ ...mounted(1), shadowCopy: SHADOW_COPY.id }, mounted(2)];
  const { run, calls, manifest } = await linkedRun(volumes, { grade: 'application', shadowCopies: [SHADOW_COPY] });

  await runStep(run, mountStep, signal);

  expect(calls.shadowCopies).toEqual([[SHADOW_COPY.id]]);
  expect(calls.isQuiet).toEqual([false]);
  expect(manifest().fileSystems).toMatchObject([{ shadowCopy: SHADOW_COPY.id }, { path: 'vm/hard-disk-1/part2' }]);
});

test('a shadow copy that is on no volume is a gap: it ends the run, or is told', async () => {
  const wish = { grade: 'application', shadowCopies: [SHADOW_COPY] };
  const strict = await linkedRun([mounted(1)], wish);
  expect(await failure(runStep(strict.run, mountStep, signal))).toMatchObject({
    code: 'E_UNREADABLE',
    message: expect.stringContaining(SHADOW_COPY.id),
  });

  const lenient = await linkedRun([mounted(1)], { ...wish, onUnreadable: 'note' });
  await runStep(lenient.run, mountStep, signal);
  expect(lenient.site.warnings).toEqual(['a part of a disk is not handed over']);
});

test('volume groups are looked for on the other disks of the VM, and on no disk of another VM', async () => {
  const { run, calls } = await linkedRun([mounted(1)], { hasMore: true });

  await runStep(run, mountStep, signal);

  expect(calls.beside).toEqual([['/dev/00502'], [DEVICE_PATH], []]);
});

test('where a guest has a logical volume its table tells by the name that LVM gives it', async () => {
  const fstab = [
    { source: '/dev/mapper/vg--a-root', mountPoint: '/' },
    { source: '/dev/vg-a/srv', mountPoint: '/srv' },
    { source: '/dev/mapper/vg-a-srv', mountPoint: '/wrong' },
  ];
  const volumes = ['root', 'srv'].map((name): Volume => {
    const volume = { ...mounted(1), logicalVolume: { group: 'vg-a', name } };
    return name === 'root' ? { ...volume, fstab } : volume;
  });
  const { run, manifest } = await linkedRun(volumes);

  await runStep(run, mountStep, signal);

  expect(manifest().fileSystems).toMatchObject([
    { place: { logicalVolume: { group: 'vg-a', name: 'root' } }, guestMountPoints: ['/'] },
    { place: { logicalVolume: { group: 'vg-a', name: 'srv' } }, guestMountPoints: ['/srv'] },
  ]);
});

test('while something is mounted, targets and snapshot stay; the next undo still knows which device the mounts are of', async () => {
  const { run, array, calls } = await linkedRun([mounted(1)]);
  await runStep(run, mountStep, signal);
  calls.busy = true;

  const errors = await undoSteps(run);

  expect(errors).toEqual([
    expect.objectContaining({ code: 'E_PROXY' }),
    ...['devices', 'link', 'capture'].map(() => expect.objectContaining({ code: 'E_LEFTOVERS' })),
  ]);
  expect(array.snapshots).toMatchObject([{ targets: new Set([TARGET]) }]);

  calls.busy = false;

  expect(await undoSteps(run)).toEqual([]);
  expect(calls.released).toEqual([{ folder: 'vm/hard-disk-1', devicePaths: [DEVICE_PATH] }]);
  expect(array.snapshots).toEqual([]);
});

/** A mounted run in whose directory the manifest of another run has taken the place of its own. */
async function overwrittenRun() {
  const mountedRun = await linkedRun([mounted(1)]);
  await runStep(mountedRun.run, mountStep, signal);
  const text = JSON.stringify({
    schema: 'snaphook/manifest',
    run: { id: 'other' },
    snapshot: { name: 'x' },
    images: [],
  });
  mountedRun.site.files.set(`/export/${MANIFEST_NAME}`, { sizeBytes: text.length, bornAtMs: 0, text });
  return mountedRun;
}

test("mounts of a target that still is this run's are released before it is unlinked, whatever the manifest there says", async () => {
  const { run, array, site, calls } = await overwrittenRun();
  calls.busy = true;

  expect(await undoSteps(run)).toMatchObject([{ code: 'E_PROXY' }, ...Array(3).fill({ code: 'E_LEFTOVERS' })]);
  expect(array.snapshots).toMatchObject([{ targets: new Set([TARGET]) }]);

  calls.busy = false;

  expect(await undoSteps(run)).toEqual([]);
  expect(calls.released).toEqual([{ folder: 'vm/hard-disk-1', devicePaths: [DEVICE_PATH] }]);
  expect([...site.files.keys()]).toEqual([`/export/${MANIFEST_NAME}`]);
});

test("mounts of a target that serves another run by now are that run's and are left alone", async () => {
  const { run, array, site, calls } = await overwrittenRun();
  const [own] = array.snapshots;
  own?.targets.clear();
  array.snapshots.push({ name: 'other', snapId: 8, source: OTHER, createdAtMs: 0, targets: new Set([TARGET]) });

  expect(await undoSteps(run)).toEqual([]);

  expect(calls.released).toEqual([]);
  expect(site.warnings).toContain('a target is not the device of this run any more and is left alone');
  expect(array.snapshots).toMatchObject([{ name: 'other', targets: new Set([TARGET]) }]);
});

test('while the array does not say whose the target is, its mounts and its link stay', async () => {
  const { run, array, calls } = await overwrittenRun();
  const silence = new SnaphookError('E_ARRAY', 'the array does not answer');
  const asked = jest.spyOn(array, 'findSnapshots').mockRejectedValue(silence);

  const errors = await undoSteps(run, { only: ['mount', 'devices', 'link'] });

  expect(errors).toEqual([silence, ...Array(2).fill(expect.objectContaining({ code: 'E_LEFTOVERS' }))]);
  expect(calls.released).toEqual([]);
  asked.mockRestore();
});

test('without any manifest the device proves whose the mounts are', async () => {
  const { run, site, calls } = await linkedRun([mounted(1)]);
  await runStep(run, mountStep, signal);
  site.files.clear();

  await undoSteps(run);

  expect(calls.released).toHaveLength(1);
});
