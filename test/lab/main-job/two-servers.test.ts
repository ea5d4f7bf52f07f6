import { doctorVerb } from '../../../src/cli/doctor-verb.ts';
import { openSite, type Site } from './site.ts';

const silent = { info: () => undefined, warn: () => undefined, progress: () => undefined };

/** On a busy machine the lab's shrunken lease may end before its window does; these tests are not about grades. */
const anyGrade = { spec: { onLowerGrade: 'degrade' } } as const;

let site: Site | undefined;
afterEach(async () => {
  await site?.close();
  site = undefined;
});

test('a run whose first Unisphere server goes down before its post hook is ended through the second', async () => {
  site = await openSite({ secondServer: { lagMs: 2000 } });
  const { plan } = await site.pre(anyGrade);
  await site.lab.unisphere.stopFirst();

  await site.post();

  expect(plan.devices).toHaveLength(2);
  expect(site.leftBehind()).toEqual([]);
});

test('a run with its first server down from the start is a run like any other', async () => {
  site = await openSite({ secondServer: { lagMs: 0 } });
  await site.lab.unisphere.stopFirst();

  const { plan } = await site.pre(anyGrade);
  await site.post();

  expect(plan.devices).toHaveLength(2);
  expect(site.leftBehind()).toEqual([]);
});

test('doctor tells of each server whether it answers', async () => {
  site = await openSite({ secondServer: { lagMs: 0 } });
  await site.lab.unisphere.stopFirst();
  const [first = '', second = ''] = site.lab.unisphere.urls;

  const { text, exitCode } = await doctorVerb(
    { configFile: site.lab.configFile, job: undefined, probe: undefined },
    silent,
    AbortSignal.timeout(20_000),
  );

  expect(text).toMatch(new RegExp(`FAIL +server ${first} of array`));
  expect(text).toMatch(new RegExp(`ok +server ${second} of array.*V10`));
  expect(text).toMatch(/ok +array .*snapshots by device-list/);
  expect(exitCode).toBe(13);
});
