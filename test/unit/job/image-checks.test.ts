import type { ApplicationWish, VerifyWish } from '../../../src/job/job-spec.ts';
import { MANIFEST_NAME, PLANNED_MANIFEST_NAME } from '../../../src/job/plan.ts';
import { runStep } from '../../../src/job/step.ts';
import { exportStep } from '../../../src/job/steps/export.ts';
import { mountStep } from '../../../src/job/steps/mount.ts';
import { undoSteps } from '../../../src/job/undo.ts';
import type { Volume } from '../../../src/ports/file-systems.ts';
import { failure } from '../../failure.ts';
import { DEVICE_PATH, TARGET } from './worlds/linked-base.ts';
import { linkedRun, mounted, other } from './worlds/linked-run.ts';

const signal = new AbortController().signal;
const FOLDER = 'snaphook-check/vm/hard-disk-1';
const IMAGE = 'vm/hard-disk-1.raw';

/** Volumes with a table of mounts: `/` is the first partition, `/srv` the second. */
const [root, srv] = [1, 2].map((partition): Volume => {
  const volume = { ...mounted(partition), path: `${FOLDER}/part${partition}`, uuid: `id-${partition}` };
  const fstab = ['/', '/srv'].map((mountPoint, index) => ({ source: `UUID=id-${index + 1}`, mountPoint }));
  // Made by `mounted`.
  return { ...volume, fstab: partition === 1 ? fstab : [] } as Volume;
});
const volumes = [root, srv].filter((volume) => volume !== undefined);

const application = (path: string): ApplicationWish => ({
  kind: 'sqlite',
  vm: 'vm',
  path,
  volume: undefined,
  limitMs: 1000,
});
const images = (verify: Partial<VerifyWish>) =>
  ({ images: true, verify: { fileSystems: true, files: [], applications: [], ...verify } }) as const;

test('targets are written to when their images are complete, and released before the manifest is', async () => {
  const files = [
    { vm: 'vm', path: '/srv/data', volume: undefined },
    { vm: 'vm', path: '/etc/hosts', volume: undefined },
    { vm: 'vm', path: '/x', volume: 'hard-disk-1/part2' },
  ];
  const { run, calls, manifest } = await linkedRun(
    volumes,
    images({ files, applications: [application('/srv/a.db')] }),
  );

  await runStep(run, exportStep, signal);

  expect(calls.did).toEqual([
    `write ${PLANNED_MANIFEST_NAME}`,
    `write ${IMAGE}`,
    `check ${FOLDER}`,
    `read /data of ${FOLDER}/part2`,
    `read /etc/hosts of ${FOLDER}/part1`,
    `read /x of ${FOLDER}/part2`,
    `probe sqlite /a.db of ${FOLDER}/part2`,
    'release',
    `write ${MANIFEST_NAME}`,
  ]);
  expect(calls.released).toEqual([{ folder: FOLDER, devicePaths: [DEVICE_PATH] }]);
  expect(manifest().checks).toMatchObject({
    fileSystems: [1, 2].map((partition) => ({ state: 'sound', checkedBy: 'e2fsck', place: { partition } })),
    files: files.map((file) => ({ vm: 'vm', path: file.path, bytes: 1 })),
    applications: [{ kind: 'sqlite', vm: 'vm', path: '/srv/a.db', checkedBy: 'sqlite3', found: 'ok' }],
  });
});

test.each([
  ['a file system that is not sound', [...volumes, other('damaged', 3)], {}],
  ['a database that does not open', volumes, { applications: [application('/broken')] }],
  ['a file on no known file system', volumes, { files: [{ vm: 'vm', path: '/x', volume: 'hard-disk-1/part9' }] }],
] as const)(
  '%s ends the run without a manifest, and undoing releases the targets before they are taken away',
  async (_, found, verify) => {
    const { run, array, site, calls } = await linkedRun(found, images(verify));

    expect(await failure(runStep(run, exportStep, signal))).toMatchObject({ code: 'E_VERIFY' });

    expect(site.files.has(`/export/${MANIFEST_NAME}`)).toBe(false);
    calls.busy = true;
    expect(await undoSteps(run)).toMatchObject([{ code: 'E_PROXY' }, ...Array(3).fill({ code: 'E_LEFTOVERS' })]);
    expect(array.snapshots).toMatchObject([{ targets: new Set([TARGET]) }]);
    calls.busy = false;
    expect(await undoSteps(run)).toEqual([]);
    expect(calls.released).toEqual([{ folder: FOLDER, devicePaths: [DEVICE_PATH] }]);
    expect([...site.files.keys()]).toEqual([]);
    expect(array.snapshots).toEqual([]);
  },
);

test('what cannot be checked ends no run of images: the manifest has it with the reason', async () => {
  const { run, site, manifest } = await linkedRun([other('unreadable', 1), other('no-files', 2)], images({}));

  await runStep(run, exportStep, signal);

  expect(manifest().checks.fileSystems).toMatchObject([
    { state: 'not-checked', why: 'it is unreadable' },
    { state: 'no-files', why: 'it is no-files' },
  ]);
  expect(site.warnings).toEqual(['a part of a disk was not checked']);
});

test('images are judged by the volumes that are in them, never by a shadow copy that the freeze left beside', async () => {
  const shadowCopies = [{ id: '{1}', setId: '{2}', createdAt: '2026-01-01T00:00:00.000Z', volume: 'C:' }];
  const { run, calls } = await linkedRun(volumes, { ...images({}), grade: 'application', shadowCopies });

  await runStep(run, exportStep, signal);

  expect(calls.shadowCopies).toEqual([[]]);
  expect(calls.isQuiet).toEqual([false]);
});

test('a job that verifies nothing mounts nothing, and undoing it asks for no mounts', async () => {
  const { run, calls } = await linkedRun(volumes, { images: true, verify: 'nothing' });

  await runStep(run, exportStep, signal);
  expect(await undoSteps(run)).toEqual([]);

  expect(calls.did).toEqual([PLANNED_MANIFEST_NAME, IMAGE, MANIFEST_NAME].map((name) => `write ${name}`));
});

test('a database in file systems that are handed over is opened where they are mounted', async () => {
  const handedOver = volumes.map((volume) =>
    volume.state === 'mounted' ? { ...volume, path: volume.path.replace('snaphook-check/', '') } : volume,
  );
  const verify = { fileSystems: false, files: [], applications: [application('/srv/broken.db')] };
  const { run, calls, site } = await linkedRun(handedOver, { verify });

  expect(await failure(runStep(run, mountStep, signal))).toMatchObject({ code: 'E_VERIFY' });

  expect(calls.did).toContain('probe sqlite /broken.db of vm/hard-disk-1/part2');
  expect(site.files.has(`/export/${MANIFEST_NAME}`)).toBe(false);
});
