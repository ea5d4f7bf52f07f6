import { cpSync, rmSync } from 'node:fs';
import path from 'node:path';
import { jobLock } from '../../../src/job/job-turn.ts';
import { sampled } from '../../seed.ts';
import { openSite, type Site } from '../main-job/site.ts';
import { arrayState, type CrashPoint, crashPre, filesBelow, loseState, reapSite, told } from './crashed-site.ts';

/** The job that also presents its targets: it leaves the most. */
const JOB = 'presented';

const CRASHES: readonly (readonly [string, CrashPoint, readonly string[]])[] = [
  // The request is on its way: the array establishes for a client that is gone.
  ['during the establish', { operation: 'POST private/snapshot', when: 'before' }, ['orphan-snapshot']],
  ['after the establish', { operation: 'POST private/snapshot', when: 'after' }, ['orphan-snapshot']],
  ['after the link', { operation: 'PUT private/snapshot Link', when: 'after' }, ['orphan-snapshot']],
  ['after targets were presented', { operation: 'PUT storagegroup', when: 'after' }, ['orphan-snapshot']],
  [
    'while the planned manifest is written',
    { rename: 'snaphook-manifest.json.partial', when: 'before' },
    ['orphan-export', 'orphan-snapshot'],
  ],
  [
    'in the middle of the first image',
    { rename: 'hard-disk-1.raw', when: 'before' },
    ['orphan-export', 'orphan-snapshot'],
  ],
  ['between two images', { rename: 'hard-disk-1.raw', when: 'after' }, ['orphan-export', 'orphan-snapshot']],
  [
    'while the manifest is written',
    { rename: 'snaphook-manifest.json', when: 'before' },
    ['orphan-export', 'orphan-export', 'orphan-snapshot'],
  ],
  [
    'after the manifest was written',
    { rename: 'snaphook-manifest.json', when: 'after' },
    ['orphan-export', 'orphan-export', 'orphan-snapshot'],
  ],
];

let site: Site;
beforeEach(async () => {
  site = await openSite();
});
afterEach(() => site.close());

/** A killed hook cannot log out and cannot end its shell: both end by their idle time. */
const leftOfUs = () => site.leftBehind().filter((left) => left !== 'vCenter session' && left !== 'guest shell');

/** A look, which changes nothing; young things are kept; then everything of ours goes. */
async function lookThenApply(found: readonly string[]): Promise<void> {
  const before = [arrayState(site.lab), filesBelow(site.lab, 'export'), filesBelow(site.lab, 'state')];
  const look = await reapSite(site, { olderThanMs: 0 });
  expect(told(look)).toEqual(found);
  expect(look.every(({ because }) => because.length > 10)).toBe(true);
  expect([arrayState(site.lab), filesBelow(site.lab, 'export'), filesBelow(site.lab, 'state')]).toEqual(before);

  const applied = await reapSite(site, { apply: true, olderThanMs: 0 });
  expect(told(applied)).toEqual(found.map((one) => one.replace(' found', ' removed')));
  expect(leftOfUs()).toEqual([]);
}

describe.each(sampled(CRASHES))('a pre hook that was killed %s', (_, point, leftWithoutJournal) => {
  test('is cleaned up by its journal', async () => {
    await crashPre(site.lab, JOB, point);

    const found = await reapSite(site);
    const locks = told(found).filter((one) => one.startsWith('stale-lock'));
    await lookThenApply(['crashed-run found', ...locks]);
  });

  test('is cleaned up without its journal, once it is old enough', async () => {
    await crashPre(site.lab, JOB, point);
    loseState(site.lab);
    const before = [arrayState(site.lab), filesBelow(site.lab, 'export')];

    expect(told(await reapSite(site, { apply: true }))).toEqual(
      leftWithoutJournal.map((kind) => `${kind.replace('orphan', 'waiting')} kept`),
    );
    expect([arrayState(site.lab), filesBelow(site.lab, 'export')]).toEqual(before);

    await lookThenApply(leftWithoutJournal.map((kind) => `${kind} found`));
  });
});

test.each([
  ['with', 'crashed-run found'],
  ['without', 'orphan-snapshot found'],
] as const)('a VM that was renamed since the crash changes nothing of that, %s the journal', async (journal, found) => {
  await crashPre(site.lab, JOB, { operation: 'POST private/snapshot', when: 'after' });
  site.lab.vcenter.renameVm('sql01', 'sql01-retired');
  if (journal === 'without') loseState(site.lab);

  expect(told(await reapSite(site, { olderThanMs: 0 }))).toContain(found);
  await reapSite(site, { apply: true, olderThanMs: 0 });

  site.lab.vcenter.renameVm('sql01-retired', 'sql01');
  expect(leftOfUs()).toEqual([]);
});

test.each([
  ['9.2', 'V3'],
  ['10.0', 'V4'],
] as const)('Unisphere %s with a %s array tells what a lost journal needs', async (unisphereVersion, generation) => {
  const other = await openSite({ unisphereVersion, generation });
  try {
    await crashPre(other.lab, JOB, { operation: 'PUT storagegroup', when: 'after' });
    loseState(other.lab);

    expect(told(await reapSite(other, { apply: true, olderThanMs: 0 }))).toEqual(['orphan-snapshot removed']);

    expect(other.leftBehind().filter((left) => left !== 'vCenter session' && left !== 'guest shell')).toEqual([]);
  } finally {
    await other.close();
  }
});

test.each([
  ['after the establish', { operation: 'POST private/snapshot', when: 'after' }],
  ['between two images', { rename: 'hard-disk-1.raw', when: 'after' }],
] as const)(
  'a restored state directory in which an older run is open again does not touch what is there now (%s)',
  async (_, point) => {
    const state = path.join(site.lab.directory, 'state');
    await site.pre({ job: JOB });
    cpSync(state, `${state}-copy`, { recursive: true });
    await site.post(JOB);
    await crashPre(site.lab, JOB, point);
    rmSync(state, { recursive: true });
    cpSync(`${state}-copy`, state, { recursive: true });
    const before = [arrayState(site.lab), filesBelow(site.lab, 'export')];

    // The newer run is unknown to these journals and uses the same targets, directory and file names.
    const old = await reapSite(site, { apply: true, includeWaiting: true });
    expect(told(old).filter((one) => one.startsWith('waiting-run'))).toEqual(['waiting-run removed']);
    expect(told(old).filter((one) => one.includes('orphan') || one.includes('failed'))).toEqual([]);
    expect([arrayState(site.lab), filesBelow(site.lab, 'export')]).toEqual(before);

    await reapSite(site, { apply: true, olderThanMs: 0 });
    expect(leftOfUs()).toEqual([]);
  },
);

test('after a restored journal was reaped, the run that is handed over now is still whole and its post hook ends it', async () => {
  const state = path.join(site.lab.directory, 'state');
  const older = await site.pre({ job: JOB });
  cpSync(path.join(state, 'runs/open'), `${state}-copy`, { recursive: true });
  await site.post(JOB);
  await site.pre({ job: JOB });
  rmSync(path.join(state, 'runs/closed', `${older.runId}.jsonl`));
  cpSync(`${state}-copy`, path.join(state, 'runs/open'), { recursive: true });
  const before = [arrayState(site.lab), filesBelow(site.lab, 'export')];

  await site.withPorts(async (ports) => {
    const { cleanUpRun } = await import('../../../src/job/run-record.ts');
    const lock = await ports.locks.acquire(jobLock(JOB), 0);
    await cleanUpRun(ports, older.runId, 'recovered', { lock });
    await lock.release();
  });

  expect([arrayState(site.lab), filesBelow(site.lab, 'export')]).toEqual(before);
  await site.post(JOB);
  expect(site.leftBehind()).toEqual([]);
});

test('the vCenter session of a hook that died while it read there is ended with its run', async () => {
  await crashPre(site.lab, JOB, { operation: 'GET /version', when: 'before' });
  expect(site.lab.vcenterSessions()).toBe(1);

  await reapSite(site, { apply: true });

  expect(site.leftBehind()).toEqual([]);
});

test('a vCenter session that the account may not end is told and left to its idle time; the run is closed', async () => {
  await crashPre(site.lab, JOB, { operation: 'GET /version', when: 'before' });
  const body = noPermission('Sessions.TerminateSession');
  site.lab.faults.add({
    system: 'vcenter',
    operation: 'TerminateSession',
    when: 'before',
    action: { do: 'answer', status: 500, body },
  });

  expect((await reapSite(site, { apply: true })).map(({ finding, did }) => [finding.kind, did])).toContainEqual([
    'crashed-run',
    'removed',
  ]);

  expect(site.leftBehind()).toEqual(['vCenter session']);
});

const noPermission = (privilege: string): string => `<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body><soapenv:Fault>
<faultcode>ServerFaultCode</faultcode><faultstring>Permission to perform this operation was denied.</faultstring>
<detail><NoPermissionFault xmlns="urn:vim25" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="NoPermission">
<object type="Folder">group-d1</object><privilegeId>${privilege}</privilegeId></NoPermissionFault></detail>
</soapenv:Fault></soapenv:Body></soapenv:Envelope>`;
