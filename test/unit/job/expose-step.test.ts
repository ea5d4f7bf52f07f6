import type { JobContext } from '../../../src/job/job-spec.ts';
import { RunJournal } from '../../../src/job/journal.ts';
import type { StepName } from '../../../src/job/journal-records.ts';
import { readManifestNote } from '../../../src/job/manifest.ts';
import { MANIFEST_NAME, PLANNED_MANIFEST_NAME, type Plan } from '../../../src/job/plan.ts';
import { type Run, runStep } from '../../../src/job/step.ts';
import { exposeStep } from '../../../src/job/steps/expose.ts';
import { undoSteps } from '../../../src/job/undo.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import { SnaphookError } from '../../../src/ports/errors.ts';
import type { Exposures, ExposureToRelease } from '../../../src/ports/exposures.ts';
import { arrayId, deviceId, instanceUuid, wwn } from '../../../src/ports/identity.ts';
import type { JournalLine } from '../../../src/ports/journal.ts';
import { failure } from '../../failure.ts';
import { jobSpec } from './job-spec.ts';
import { MemoryArray } from './worlds/memory-array.ts';
import { MemorySite } from './worlds/memory-site.ts';

const signal = new AbortController().signal;
const SNAPSHOT = 'snaphook-mb3k2j1f-x8q2zk-aaaaaa';
const VM = instanceUuid('00000000-0000-0000-0000-000000000001');
const SOURCE = deviceId('00101');
const TARGET = deviceId('00501');
const TARGET_WWN = wwn('60000970000197900046533030353031');
const DEVICE_PATH = '/dev/dm-3';
const IMAGE = 'vm/hard-disk-1.raw';
const HELPER = { pid: 4711, startTicks: '815' };

/** A linked run, and what its helper was asked. */
async function linkedRun(change: Partial<Exposures> = {}) {
  const array = new MemoryArray(arrayId('000197900046'));
  array.devices.set(TARGET, { wwn: TARGET_WWN, groups: new Set(['pool']) });
  array.snapshots.push({ name: SNAPSHOT, snapId: 7, source: SOURCE, createdAtMs: 0, targets: new Set([TARGET]) });
  // What the step and its undo read of a plan.
  const plan = {
    runId: 'mb3k2j1f-x8q2zk',
    context: {},
    snapshotName: SNAPSHOT,
    arrayId: array.id,
    array: {},
    spec: jobSpec({ exportDirectory: '/export', expose: 'fuse' }),
    vms: [{ name: 'vm', instanceUuid: VM, disks: [{ key: 2000, label: 'Hard disk 1', devices: [SOURCE] }] }],
    devices: [
      { device: SOURCE, target: TARGET, targetWwn: TARGET_WWN, imagePath: IMAGE, imageBytes: 512, holds: 'disk' },
    ],
    collateral: [],
    warnings: [],
  } as unknown as Plan;
  const site = new MemorySite(
    [array],
    { jobs: [] } as unknown as ConstructorParameters<typeof MemorySite>[1],
    new Date(0),
  );
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
  const writeRecord = async (directory: string, { name, text }: { readonly name: string; readonly text: string }) => {
    site.files.set(`${directory}/${name}`, { sizeBytes: text.length, bornAtMs: 0, text });
  };
  const { images } = site.ports;
  const ports = { ...site.ports, clock: systemClock, exposures, images: { ...images, writeRecord } };
  const lines: JournalLine[] = [];
  const append = async (line: JournalLine) => void lines.push(line);
  const journal = await RunJournal.load({ runId: plan.runId, append, read: async () => lines }, systemClock);
  await journal.opened({} as JobContext); // who called is only kept
  await journal.append({ kind: 'planned', data: plan });
  const results: Partial<Record<StepName, unknown>> = {
    capture: { snapId: 7, vms: [{ vm: VM, grade: 'crash' }] },
    devices: { devices: [{ target: TARGET, path: DEVICE_PATH }] },
  };
  for (const step of ['capture', 'link', 'devices'] as const) {
    await journal.append({ kind: 'intent', data: { step } });
    await journal.append({ kind: 'done', data: { step, result: results[step] } });
  }
  const run: Run = { plan, ports, array, journal, openGuests: new Map() };
  return { run, array, site, calls };
}

test('disks are exposed under the name of the run, beside a manifest that lists them without images and hashes', async () => {
  const { run, site, calls } = await linkedRun();

  expect(await runStep(run, exposeStep, signal)).toEqual({ helper: HELPER, disks: 1 });

  const disks = [{ path: IMAGE, devicePath: DEVICE_PATH, sizeBytes: 512 }];
  expect(calls.exposed).toEqual([{ tag: SNAPSHOT, as: 'fuse', disks }]);
  const manifest = JSON.parse(site.files.get(`/export/${MANIFEST_NAME}`)?.text ?? '{}');
  expect(manifest).toMatchObject({ images: [], exposed: { as: 'fuse', disks: [{ path: IMAGE, sizeBytes: 512 }] } });
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
