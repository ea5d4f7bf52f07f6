import { judgeLostExports } from '../../../src/job/lost-exports.ts';
import { plannedManifestOf } from '../../../src/job/manifest.ts';
import { newRunId, snapshotName, startOfRun } from '../../../src/job/names.ts';
import { PLANNED_MANIFEST_NAME, type Plan } from '../../../src/job/plan.ts';
import { jobSpec } from './job-spec.ts';
import { QUIET } from './worlds/quiet-world.ts';
import { markOf } from './worlds/site-with-runs.ts';
import { World } from './worlds/world.ts';

test('whoever finds a manifest of a lost run takes the files of its VMs with its images', async () => {
  const { site } = new World({ ...QUIET, runs: [] });
  const [array] = site.arrays;
  if (!array) throw new Error('the world has no array');
  const id = newRunId(new Date(site.ports.clock.now().getTime() - 86_400_000), 'abcdef');
  // The manifest is made of these fields alone.
  const plan = {
    runId: id,
    arrayId: array.id,
    snapshotName: snapshotName(id, markOf(id, array.id)),
    spec: jobSpec({ configurationFiles: 'note' }),
    vms: [{ name: 'web', instanceUuid: 'uuid', disks: [] }],
    devices: [{ imagePath: 'web/one.raw', imageBytes: 1 }],
  } as unknown as Plan;
  const text = plannedManifestOf(plan);
  const bornAtMs = startOfRun(id).getTime() + 1_000;
  site.files.set(`/export/${PLANNED_MANIFEST_NAME}`, { sizeBytes: text.length, bornAtMs, text });

  const [judged] = await judgeLostExports(
    site.ports,
    '/export',
    { olderThanMs: 0, journalOf: async () => 'none' },
    new AbortController().signal,
  );

  expect(judged?.finding.kind).toBe('orphan-export');
  expect(judged?.files?.map(({ path }) => path)).toEqual([
    'web/one.raw',
    'web/web.vmx',
    'web/web.nvram',
    'snaphook-manifest.sig',
    PLANNED_MANIFEST_NAME,
  ]);
});
