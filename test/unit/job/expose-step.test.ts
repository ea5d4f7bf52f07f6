import { readManifestNote } from '../../../src/job/manifest.ts';
import { MANIFEST_NAME, PLANNED_MANIFEST_NAME } from '../../../src/job/plan.ts';
import { runStep } from '../../../src/job/step.ts';
import { exposeStep } from '../../../src/job/steps/expose.ts';
import { undoSteps } from '../../../src/job/undo.ts';
import { SnaphookError } from '../../../src/ports/errors.ts';
import type { Exposures, ExposureToRelease } from '../../../src/ports/exposures.ts';
import { failure } from '../../failure.ts';
import { DEVICE_PATH, IMAGE, IMAGE_BYTES, linkedBase, recordsOf, SNAPSHOT, TARGET } from './worlds/linked-base.ts';

const signal = new AbortController().signal;
const HELPER = { pid: 4711, startTicks: '815' };

/** A linked run, and what its helper was asked. */
async function linkedRun(change: Partial<Exposures> = {}) {
  const calls: { exposed: Parameters<Exposures['expose']>[1][]; released: ExposureToRelease[]; busy: boolean } = {
    exposed: [],
    released: [],
    busy: false,
  };
  const exposures: Exposures = {
    preflight: async () => undefined,
    expose: async (_, exposure) => {
      calls.exposed.push(exposure);
      return HELPER;
    },
    release: async (_, exposure) => {
      if (calls.busy) throw new SnaphookError('E_PROXY', 'somebody reads there');
      calls.released.push(exposure);
      return [];
    },
    ...change,
  };
  const base = await linkedBase({
    spec: { expose: 'fuse' },
    portsOf: (site) => ({ exposures, images: { ...site.ports.images, writeRecord: recordsOf(site) } }),
  });
  return { ...base, calls };
}

test('disks are exposed under the name of the run, beside a manifest that lists them without images and hashes', async () => {
  const { run, site, calls } = await linkedRun();

  expect(await runStep(run, exposeStep, signal)).toEqual({ helper: HELPER, disks: 1 });

  const disks = [{ path: IMAGE, devicePath: DEVICE_PATH, sizeBytes: IMAGE_BYTES }];
  expect(calls.exposed).toEqual([{ tag: SNAPSHOT, as: 'fuse', disks }]);
  const manifest = JSON.parse(site.files.get(`/export/${MANIFEST_NAME}`)?.text ?? '{}');
  expect(manifest).toMatchObject({
    images: [],
    exposed: { as: 'fuse', disks: [{ path: IMAGE, sizeBytes: IMAGE_BYTES }] },
  });
  expect(JSON.stringify(manifest)).not.toMatch(/blake2b|hash/);
});

test('a planned manifest tells what may be exposed, and one that names a path outside of its directory is none', async () => {
  const expose = () => Promise.reject(new SnaphookError('E_PROXY', 'no helper'));
  const { run, site } = await linkedRun({ expose });
  await failure(runStep(run, exposeStep, signal));
  const text = site.files.get(`/export/${PLANNED_MANIFEST_NAME}`)?.text ?? '';

  expect(readManifestNote(text)?.exposed).toEqual({ as: 'fuse', paths: [IMAGE] });
  expect(readManifestNote(text.replace(IMAGE, '../vm.raw'))).toBeUndefined();
  expect(readManifestNote(text.replace('"fuse"', '"other"'))).toBeUndefined();
});

test('while somebody reads, targets and snapshot stay, and the next undo takes all of it away', async () => {
  const { run, array, calls } = await linkedRun();
  await runStep(run, exposeStep, signal);
  calls.busy = true;

  const errors = await undoSteps(run);

  expect(errors[0]).toMatchObject({ code: 'E_PROXY', message: 'somebody reads there' });
  expect(array.snapshots).toMatchObject([{ targets: new Set([TARGET]) }]);

  calls.busy = false;
  expect(await undoSteps(run)).toEqual([]);
  expect(array.snapshots).toEqual([]);
});

test('under a manifest of another run only the helper itself says whose the files are, and the array whose the target is', async () => {
  const { run, array, site, calls } = await linkedRun();
  await runStep(run, exposeStep, signal);
  const others = JSON.stringify({
    schema: 'snaphook/manifest',
    run: { id: 'other' },
    snapshot: { name: 'n' },
    images: [],
  });
  site.files.set(`/export/${MANIFEST_NAME}`, { sizeBytes: others.length, bornAtMs: 0, text: others });
  const target = array.devices.get(TARGET);
  if (target) array.devices.set(TARGET, { ...target, groups: new Set(['elsewhere']) });
  array.snapshots.length = 0;

  await undoSteps(run, { only: ['expose'] });

  expect(calls.released).toEqual([{ tag: SNAPSHOT, as: 'fuse', paths: [IMAGE], devicePaths: [], isOurs: false }]);
  expect(site.files.has(`/export/${MANIFEST_NAME}`)).toBe(true);
});
