import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type ConfigChange, changeConfig } from '../lab-config.ts';
import { patiently } from './patiently.ts';
import { openSite, type Site } from './site.ts';

/** Ten seconds and more of the guest's time, which runs twenty times faster: longer than Windows lets writes be held. */
const SLOW_ARRAY_MS = 600;

let site: Site;
let precommit: string;
beforeAll(async () => {
  site = await openSite();
  const change: ConfigChange = ({ guests }) =>
    void Object.assign(guests[0]?.winrm ?? {}, { hold: 'precommit', holdSeconds: 55 });
  precommit = changeConfig(site.lab.configFile, change, path.join(site.lab.directory, 'precommit.yaml'));
});
afterAll(() => site.close());
beforeEach(() => {
  site.lab.faults.add({
    system: 'array',
    operation: 'POST private/snapshot',
    when: 'before',
    action: { do: 'delay', delayMs: SLOW_ARRAY_MS },
  });
});
afterEach(() => {
  site.lab.faults.clear();
  expect(site.leftBehind()).toEqual([]);
});

test('an array slower than a hold of writes loses the window of a commit, and the grade says so', async () => {
  const error = await site.failingPre();

  expect(error.code).toBe('E_FREEZE_WINDOW');
});

test('the same array has its time where applications alone are held: application, which says what was not held', async () => {
  const { capture, directory, manifest } = await patiently(() => site.pre({ configFile: precommit }));

  expect(capture.vms).toMatchObject([{ grade: 'application', reasons: [expect.stringContaining('not held')] }]);
  expect(readFileSync(path.join(directory, manifest), 'utf8')).toContain('"hold": "precommit"');
  await site.post();
});

test('a job that asks for held file systems does not take applications alone for them', async () => {
  const error = await site.failingPre({ configFile: precommit, spec: { grade: 'filesystem' } });
  expect(error.code).toBe('E_CONFIG');

  const lower = { grade: 'filesystem', onLowerGrade: 'degrade' } as const;
  const { degraded, capture } = await patiently(() => site.pre({ configFile: precommit, spec: lower }));
  expect({ degraded, grade: capture.vms[0]?.grade }).toEqual({ degraded: true, grade: 'application' });
  await site.post();
});
