import path from 'node:path';
import { setTimeout as sleepFor } from 'node:timers/promises';
import type { PreResult } from '../../../src/job/pre.ts';
import { checkDatabase, isConsistent } from '../../../src/lab/guest/database-check.ts';
import { fileBlockDevice } from '../../../src/lab/guest/file-block-device.ts';
import type { LabScript } from '../../../src/lab/linux-guest/linux-knobs.ts';
import { openSite, type Site } from './site.ts';

let site: Site;
let healthyScripts: readonly LabScript[];
beforeAll(async () => {
  site = await openSite();
  healthyScripts = site.lab.linuxGuest.knobs.scripts;
});
afterAll(() => site.close());
afterEach(async () => {
  site.lab.faults.clear();
  Object.assign(site.lab.linuxGuest.knobs, {
    freezeMs: 5,
    silent: false,
    failingFreeze: undefined,
    scripts: healthyScripts,
  });
  expect(site.leftBehind()).toEqual([]);
  const before = acknowledged();
  for (const deadline = performance.now() + 10_000; acknowledged() === before; await sleepFor(5))
    if (performance.now() > deadline) throw new Error('the application in the Linux guest does not write any more');
});

const acknowledged = () => site.lab.linuxGuest.database?.lastAcknowledged ?? 0;
const grades = ({ capture }: PreResult) => capture.vms.map(({ grade, reasons }) => ({ grade, reasons }));
const linuxEffects = (operation: string) =>
  site.lab.events.events.filter(
    ({ kind, object, operation: seen }) => kind === 'effect' && object === 'pg01' && seen === operation,
  );

/** The application's database as it lies in the images that were handed over. */
async function databaseIn({ plan, directory }: PreResult) {
  const [system, data] = site.lab.estate.linuxDisks.map(({ device }) => {
    const image = plan.devices.find((entry) => entry.device === device);
    return fileBlockDevice(path.join(directory, image?.imagePath ?? ''));
  });
  if (!system || !data) throw new Error('an image is missing');
  return await checkDatabase(data, system);
}

test('a Linux guest whose script makes the application quiet earns the application grade, and its images hold the database', async () => {
  const before = acknowledged();
  const result = await site.pre({ job: 'linux' });

  expect(grades(result)).toEqual([{ grade: 'application', reasons: [] }]);
  const check = await databaseIn(result);
  expect(isConsistent(check)).toBe(true);
  expect(check.lastTransaction).toBeGreaterThanOrEqual(before);
  expect(linuxEffects('Freeze').map(({ detail }) => detail.mountPoint)).toEqual(['/srv/ledger', '/']);
  await site.post('linux');
});
