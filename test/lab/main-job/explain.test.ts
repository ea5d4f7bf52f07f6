import { readFileSync } from 'node:fs';
import path from 'node:path';
import { explainVerb } from '../../../src/cli/explain-verb.ts';
import { vmListVerb } from '../../../src/cli/vm-list-verb.ts';
import { loadConfig } from '../../../src/config/load.ts';
import type { VmExplanation } from '../../../src/job/explain.ts';
import type { ListedVm } from '../../../src/job/vm-list.ts';
import { ARRAY_ID } from '../../../src/lab/estate-array.ts';
import { createFileVvolAnswers } from '../../../src/platform/file-vvol-answers.ts';
import { arrayId } from '../../../src/ports/identity.ts';
import { openSite, type Site } from './site.ts';

jest.setTimeout(120_000);

const silent = { info: () => undefined, warn: () => undefined, progress: () => undefined };

let site: Site;
beforeAll(async () => {
  site = await openSite();
});
afterAll(() => site.close());
afterEach(() => {
  site.lab.faults.clear();
});

async function explain(vm: string) {
  const { document, text, exitCode } = await explainVerb(
    { configFile: site.lab.configFile, vm },
    silent,
    new AbortController().signal,
  );
  // The document of the verb, as `--json` prints it.
  const json = JSON.parse(JSON.stringify(document)) as VmExplanation & { readonly ok: boolean };
  return { json, text, exitCode };
}

/** What differs from run to run gets a name. */
const steady = (text: string): string =>
  text
    .replaceAll(site.lab.directory, '<lab>')
    .replace(/snaphook-\w+-\w+-\w+/g, 'snaphook-<run>')
    .replace(/id \d+, made \S+/g, 'id <id>, made <time>');

test('the whole way of every disk is told: a vVol, a datastore of two extents and a raw device, with the targets of an open run', async () => {
  await site.pre({ job: 'no-freeze', vms: ['mixed01'], spec: { freeze: 'none', grade: 'crash', collateral: 'warn' } });

  const { text, exitCode } = await explain('mixed01');
  await site.post('no-freeze');

  expect(steady(text)).toBe(readFileSync(path.join(__dirname, 'explain-mixed01.txt'), 'utf8'));
  expect(exitCode).toBe(0);
  expect(site.leftBehind()).toEqual([]);
});

test('each disk has its own state: one that is good, one with two candidates, and one on NFS', async () => {
  const { json, text, exitCode } = await explain('partly01');

  expect(exitCode).toBe(13);
  expect(json.ok).toBe(false);
  expect(json.disks.map(({ state, problems }) => [state, problems.map(({ code }) => code)])).toEqual([
    ['ready', []],
    ['refused', ['E_DEVICE_AMBIGUOUS']],
    ['refused', ['E_DISK_UNSUPPORTED']],
  ]);
  expect(json.disks[0]?.identities[0]?.device).toMatchObject({
    id: '00311',
    foundBy: 'effective WWN',
    storageGroups: ['SG-esx-prod'],
    presentations: [{ view: 'MV-esx-prod', host: 'esx01', paths: [{ lun: expect.any(Number) }] }],
  });
  expect(json.disks[1]?.identities[0]?.candidates.map(({ id }) => id)).toEqual(['00302', '00303']);
  expect(text).toContain('REFUSED (2 of 3 disk(s)): a run with this VM ends before anything is touched');
});

test('it reads only: nothing on the array, in vCenter or in a guest is changed, and sessions are ended', async () => {
  const seq = site.lab.events.events.length;

  await explain('mixed01');

  const requests = site.lab.events.since(seq).filter(({ kind }) => kind === 'request');
  const changes = requests.filter(
    ({ system, operation }) => system === 'array' && /^(POST|PUT|DELETE) (?!Iterator)/.test(operation),
  );
  expect(changes.map(({ operation }) => operation)).toEqual([]);
  expect(requests.filter(({ system }) => system === 'guest')).toEqual([]);
  expect(site.leftBehind()).toEqual([]);
});

test('an array that does not answer is a problem beside what vCenter tells, not the end', async () => {
  site.lab.faults.add({
    system: 'array',
    when: 'before',
    action: { do: 'answer', status: 500, body: 'broken' },
  });

  const { json, exitCode } = await explain('mixed01');

  expect(exitCode).toBe(13);
  expect(json.problems.length).toBeGreaterThan(0);
  expect(json.disks.map(({ backing }) => backing.kind)).toEqual(['vvol', 'vmfs', 'rdm']);
  expect(json.disks.every(({ state }) => state === 'refused')).toBe(true);
});

test('a device that no target fits, and a template, are refused with what to do', async () => {
  const oversized = await explain('oversized01');
  expect(oversized.json.disks[0]?.problems).toMatchObject([
    { code: 'E_TARGET_NONE', hint: expect.stringMatching(/999/) },
  ]);
  const template = await explain('template01');
  expect(template).toMatchObject({ exitCode: 13, json: { problems: [{ code: 'E_DISK_UNSUPPORTED' }] } });
  expect(template.text).toMatch(/^REFUSED/m);
});

test('a VM that does not exist is an error', async () => {
  await expect(explain('nosuch')).rejects.toMatchObject({ code: 'E_VM_NOT_FOUND' });
});

test('any selector of one VM will do; one of several names them all', async () => {
  const { json } = await explain('like:mixed0?');
  expect(json.vm.name).toBe('mixed01');
  await expect(explain('datastore:vmfs-ds01')).rejects.toMatchObject({
    code: 'E_VM_AMBIGUOUS',
    message: expect.stringContaining('datastore:vmfs-ds01'),
  });
});

test('where the array is known to refuse vVols, the route is managed, and what that route cannot take is refused', async () => {
  const answers = createFileVvolAnswers(loadConfig(site.lab.configFile).stateDirectory);
  const { microcode } = site.lab.unisphere.array(ARRAY_ID);
  const answer = { array: arrayId(ARRAY_ID), microcode, askedAt: '2026-01-01T00:00:00.000Z', words: 'no' };
  await answers.remember({ ...answer, takesSnapVx: false });
  try {
    const { json, text } = await explain('mixed01');
    expect(json.route).toMatchObject({ name: 'managed' });
    expect(text).toMatch(/^ {2}route +managed where the job says auto: .*refused a SnapVX snapshot/m);
    expect(json.disks.map(({ state, problems }) => [state, problems[0]?.message])).toEqual([
      ['ready', undefined],
      ['refused', expect.stringContaining('it is not a vVol')],
      ['refused', expect.stringContaining('it is not a vVol')],
    ]);
    // Nobody else is captured with a VM snapshot.
    expect(json.collateral).toEqual([]);
  } finally {
    await answers.remember({ ...answer, takesSnapVx: true });
  }
});

test('vm list tells of every VM its power, freeze, storage and routes, in as many calls as of one, and asks no array and no guest', async () => {
  const list = async (change: { readonly selectors?: readonly string[]; readonly exclude?: readonly string[] }) => {
    const from = site.lab.events.events.length;
    const request = { configFile: site.lab.configFile, job: undefined, selectors: [], exclude: [], ...change };
    const { document, text } = await vmListVerb(request, silent, new AbortController().signal);
    const calls = site.lab.events.since(from).filter(({ kind }) => kind === 'request');
    // The document of the verb, as `--json` prints it.
    return { ...(JSON.parse(JSON.stringify(document)) as { readonly vms: readonly ListedVm[] }), text, calls };
  };
  const one = await list({ selectors: ['like:mixed01'] });
  const all = await list({});
  const told = (name: string) => all.vms.find((vm) => vm.name === name);

  expect(one.vms).toHaveLength(1);
  expect(all.vms.length).toBeGreaterThan(10);
  expect(all.calls.map(({ operation }) => operation)).toEqual(one.calls.map(({ operation }) => operation));
  expect(all.calls.filter(({ system }) => system !== 'vcenter')).toEqual([]);
  expect(told('sql01')).toMatchObject({ power: 'on', freeze: 'vss-provider', routes: ['snapvx'] });
  expect(told('twin01')).toMatchObject({ routes: ['snapvx', 'managed'] });
  expect(told('pg01')).toMatchObject({ power: 'on', freeze: 'linux-fsfreeze' });
  expect(told('mixed01')).toMatchObject({ routes: ['snapvx'], refusals: [] });
  expect(told('mixed01')?.disks.map(({ storage }) => storage)).toEqual(['vvol', 'vmfs', 'rdm']);
  expect(told('partly01')).toMatchObject({ routes: [], refusals: [{ code: 'E_DISK_UNSUPPORTED' }] });
  expect(told('template01')).toMatchObject({ power: 'template', routes: [] });
  expect(all.text).toMatch(/^mixed01 +vm-\d+ +off +none +3 .*vvol .*vmfs vmfs-ds02, rdm +snapvx$/m);
  expect((await list({ exclude: ['sql01'] })).vms).toHaveLength(all.vms.length - 1);
});
