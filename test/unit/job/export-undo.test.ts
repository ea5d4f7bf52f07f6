import { plannedManifestOf } from '../../../src/job/manifest.ts';
import { MANIFEST_NAME, PLANNED_MANIFEST_NAME, type Plan } from '../../../src/job/plan.ts';
import { cleanUpRun } from '../../../src/job/run-record.ts';
import { arrayId, runId } from '../../../src/ports/identity.ts';
import { jobSpec } from './job-spec.ts';
import { QUIET, WAITING_RUN } from './worlds/quiet-world.ts';
import { markOf } from './worlds/site-with-runs.ts';
import { World } from './worlds/world.ts';

const ARRAY = arrayId('000197900046');
const DIRECTORY = '/export/job-0';
const IMAGE = 'vm/hard-disk-1.raw';

/** Undoes a run whose journal came back from a backup, while these files lie in its hand-over directory: size or text by name. */
async function undoWith(filesOf: (id: string) => Readonly<Record<string, number | string>>) {
  const { site } = new World({ ...QUIET, runs: [{ ...WAITING_RUN, journal: 'restored' }] });
  const [id = ''] = site.journals.keys();
  site.files.clear();
  for (const [name, what] of Object.entries(filesOf(id))) {
    const file = typeof what === 'number' ? { sizeBytes: what } : { sizeBytes: what.length, text: what };
    site.files.set(`${DIRECTORY}/${name}`, { ...file, bornAtMs: 0 });
  }
  await cleanUpRun(site.ports, id, 'recovered', { lock: await site.ports.locks.acquire('job-x', 0) });
  return { left: [...site.files.keys()].map((name) => name.slice(DIRECTORY.length + 1)), warned: site.warnings.length };
}

function manifestOf(id: string): string {
  const snapshotName = `snaphook-${id}`;
  // The manifest is made of these fields alone.
  const devices = [{ imagePath: IMAGE, imageBytes: 100 }];
  const plan = { runId: id, arrayId: ARRAY, snapshotName, spec: jobSpec(), devices, vms: [] };
  return plannedManifestOf(plan as unknown as Plan);
}

test.each([MANIFEST_NAME, PLANNED_MANIFEST_NAME])(
  'images beside a manifest (%s) that names the run go with it',
  async (name) => {
    expect(await undoWith((id) => ({ [IMAGE]: 100, [name]: manifestOf(id) }))).toEqual({ left: [], warned: 0 });
  },
);

test('an image of another size is told and left alone', async () => {
  const { left, warned } = await undoWith((id) => ({ [IMAGE]: 101, [MANIFEST_NAME]: manifestOf(id) }));

  expect([left, warned]).toEqual([[IMAGE], 1]);
});

test('images beside the manifest of another run are told and left alone', async () => {
  const { left, warned } = await undoWith(() => ({ [IMAGE]: 100, [MANIFEST_NAME]: manifestOf('another') }));

  expect([left, warned]).toEqual([[IMAGE, MANIFEST_NAME], 1]);
});

test.each([IMAGE, `${IMAGE}.partial`])(
  'without any manifest a file (%s) that is just as the run would write it is told and left alone',
  async (name) => {
    expect(await undoWith(() => ({ [name]: 100 }))).toEqual({ left: [name], warned: 1 });
  },
);

test('without any manifest the own draft goes, and where nothing else lies there is nothing to tell', async () => {
  const { left, warned } = await undoWith((id) => ({ [`snaphook-${id}-${markOf(runId(id), ARRAY)}.draft`]: 3 }));

  expect([left, warned]).toEqual([[], 0]);
});

test('a draft that a preflight killed half-way left goes, although no step had begun', async () => {
  const { site } = new World({
    ...QUIET,
    runs: [{ ...WAITING_RUN, handedOver: false, reached: 0, last: 'happened' }],
  });
  const [id = ''] = site.journals.keys();
  site.files.clear();
  const draft = `${DIRECTORY}/snaphook-${id}-${markOf(runId(id), ARRAY)}.draft`;
  site.files.set(draft, { sizeBytes: 0, bornAtMs: 0 });
  site.files.set(`${DIRECTORY}/${IMAGE}`, { sizeBytes: 100, bornAtMs: 0 });

  await cleanUpRun(site.ports, id, 'recovered', { lock: await site.ports.locks.acquire('job-x', 0) });

  expect([...site.files.keys()]).toEqual([`${DIRECTORY}/${IMAGE}`]);
});
