import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { integrationNamed } from '../../../integrations/catalogue.ts';
import type { InstallItem } from '../../../integrations/contract.ts';
import { RunJournal } from '../../../src/job/journal.ts';
import { expectClean, type Hook, holdHandOver, start, until } from '../impatient-products/product.ts';
import { openSite, type Site } from '../main-job/site.ts';

/** What `install` writes, called as the products are documented to call it: words, variables, and how many calls at once. */
const PROGRAM = path.join(__dirname, '../../../dist/snaphook.cjs');
const JOB = 'presented';

let site: Site;
let folder: string;
beforeAll(async () => {
  site = await openSite();
  folder = mkdtempSync(path.join(os.tmpdir(), 'snaphook-callers-'));
});
afterAll(async () => {
  await site.close();
  rmSync(folder, { recursive: true, force: true });
});
afterEach(async () => {
  site.lab.faults.clear();
  await expectClean(site);
});

async function installed(name: string, settings: Readonly<Record<string, string>> = {}) {
  const { installation } = await integrationNamed(name);
  const fallbacks = installation.settings.flatMap(({ name: key, fallback }) =>
    fallback === undefined ? [] : [[key, fallback]],
  );
  const items = installation.items({
    job: JOB,
    program: PROGRAM,
    system: 'linux',
    configFile: site.lab.configFile,
    settings: { ...Object.fromEntries(fallbacks), ...settings },
  });
  return {
    files: items.flatMap((item) => (item.kind === 'file' ? [write(item)] : [])),
    lines: items.flatMap((item) => (item.kind === 'lines' ? [item.text.trim()] : [])),
  };
}

function write({ path: place, content, mode }: Extract<InstallItem, { kind: 'file' }>): string {
  const file = path.join(folder, path.basename(place));
  writeFileSync(file, content, { mode });
  return file;
}

const call = (command: readonly string[], env: Readonly<Record<string, string>> = {}): Hook =>
  start(command, { env: { PATH: process.env.PATH, SNAPHOOK_LOG: path.join(folder, 'hooks.log'), ...env } });

/** Exit code and stdout of hooks that are called at once. */
const ends = async (hooks: readonly Hook[]) =>
  Promise.all(hooks.map(async (hook) => hook.ended.then(({ exitCode, stdout }) => ({ exitCode, stdout }))));
const exits = async (hooks: readonly Hook[]) => (await ends(hooks)).map(({ exitCode }) => exitCode);

const establishes = () =>
  site.lab.events.events.filter(
    ({ system, kind, operation }) => system === 'array' && kind === 'request' && operation === 'POST private/snapshot',
  ).length;
const openRuns = () => site.withPorts((ports) => ports.journals.openRuns(JOB));
const contextsOfOpenRuns = () =>
  site.withPorts(async (ports) => {
    const runs = await ports.journals.openRuns(JOB);
    const journals = runs.map(async ({ runId }) => RunJournal.load(await ports.journals.open(runId), ports.clock));
    return (await Promise.all(journals)).map(({ state }) => state.context);
  });
const STREAMS = ['1', '2', '3', '4'];

describe('NetBackup', () => {
  const WORDS = ['proxy01', 'vm-files', 'Daily', 'FULL'];
  const ofStream = (number: string) => ({
    BACKUPID: `proxy01_179565120${number}`,
    STREAM_NUMBER: number,
    STREAM_COUNT: '4',
    RESTARTED: '0',
  });

  test('four streams at once: one snapshot, stdout empty, and the last bpend_notify releases it', async () => {
    const { files } = await installed('netbackup', { policy: 'vm-files' });
    const [bpstart = '', bpend = ''] = files;
    const before = establishes();

    const started = await ends(STREAMS.map((number) => call([bpstart, ...WORDS], ofStream(number))));
    expect(started).toEqual(STREAMS.map(() => ({ exitCode: 0, stdout: '' })));
    expect(establishes() - before).toBe(1);

    const first = STREAMS.slice(0, 3).map((number) => call([bpend, ...WORDS, '0'], ofStream(number)));
    expect(await ends(first)).toEqual(first.map(() => ({ exitCode: 0, stdout: '' })));
    expect(await openRuns()).toHaveLength(1);
    expect(await exits([call([bpend, ...WORDS, '1'], ofStream('4'))])).toEqual([0]);
    expect(await openRuns()).toEqual([]);
  });

  test('the primary server ends what will not be tried again, and nothing of other policies', async () => {
    const hook = (phase: string, ...words: readonly string[]) =>
      call([
        PROGRAM,
        'hook',
        phase,
        '--integration=netbackup',
        `--job=${JOB}`,
        `--config=${site.lab.configFile}`,
        '--',
        ...words,
      ]);
    const { lines } = await installed('netbackup-server', { policy: 'vm-files' });
    const exitNotify = (policy: string, ...words: readonly string[]) =>
      call([
        '/bin/sh',
        '-c',
        `${lines[2]}\nexit $?`,
        'backup_exit_notify',
        'proxy01',
        policy,
        'Daily',
        'FULL',
        ...words,
      ]);

    expect(await ends([hook('pre', ...WORDS)])).toEqual([{ exitCode: 0, stdout: '' }]);
    expect(await exits([hook('pre', ...WORDS)])).toEqual([1]);

    expect(await exits([exitNotify('vm-files', '13', '0', '0')])).toEqual([0]);
    expect(await exits([exitNotify('other-policy', '13', '0', '1')])).toEqual([1]);
    expect(await openRuns()).toHaveLength(1);
    expect(await ends([exitNotify('vm-files', '13', '0', '1')])).toEqual([{ exitCode: 0, stdout: '' }]);
    expect(await openRuns()).toEqual([]);
  });
});

describe('Cohesity', () => {
  const ofEntity = (entity: string, status?: string) => ({
    COHESITY_JOB_ID: '1207',
    COHESITY_JOB_NAME: 'Group 7',
    COHESITY_BACKUP_TYPE: 'kRegular',
    COHESITY_BACKUP_ENTITY: entity,
    ...(status === undefined ? {} : { COHESITY_JOB_STATUS: status }),
  });

  test('objects at once: one snapshot; the one whose VM is not in it fails alone, and its post script ends nothing of the others', async () => {
    const { files } = await installed('cohesity');
    const [pre = '', post = ''] = files;
    const before = establishes();

    // The first makes the run: it has to be one that may.
    const held = holdHandOver(site.lab);
    const leader = call([pre, 'vm-from-entity'], ofEntity(site.lab.guestName));
    await held.reached;
    const others = ['nas/share', 'db instance', 'nosuch'].map((entity) =>
      call(entity === 'nosuch' ? [pre, 'vm-from-entity'] : [pre, ''], ofEntity(entity)),
    );
    await until(() => others.every((hook) => hook.stderr().includes('waiting for it')));
    held.letGo();

    expect(await exits([leader, ...others])).toEqual([0, 0, 0, 1]);
    expect((await others[2]?.ended)?.stderr).toContain('VM "nosuch"');
    expect(establishes() - before).toBe(1);
    expect(await exits([call([post, ''], ofEntity('nosuch', 'ERRORED'))])).toEqual([0]);
    expect(await openRuns()).toHaveLength(1);
    const entities = [site.lab.guestName, 'nas/share', 'db instance'];
    expect(await exits(entities.map((entity) => call([post], ofEntity(entity, 'SUCCEEDED'))))).toEqual([0, 0, 0]);
    expect(await openRuns()).toEqual([]);
  });

  test.each(['fails', 'is killed'])(
    'when the one that makes the run %s, all fail, and nothing is left',
    async (what) => {
      const { files } = await installed('cohesity');
      const [pre = '', post = ''] = files;
      const held = holdHandOver(site.lab);
      const leader = call([pre], ofEntity('a'));
      await held.reached;
      const others = ['b', 'c'].map((entity) => call([pre], ofEntity(entity)));
      await until(() => others.every((hook) => hook.stderr().includes('waiting for it')));

      leader.signalGroup(what === 'fails' ? 'SIGTERM' : 'SIGKILL');
      await leader.ended;
      held.letGo();

      expect(await exits(others)).toEqual([1, 1]);
      expect(others.map((hook) => hook.stderr().includes('[E_LEADER]'))).toEqual([true, true]);
      expect(await exits(['a', 'b', 'c'].map((entity) => call([post], ofEntity(entity, 'ERRORED'))))).toEqual([
        0, 0, 0,
      ]);
    },
  );
});

test('Veeam: job script, below the process whose command line names job and session', async () => {
  const { files } = await installed('veeam');
  const [guid, session] = ['a3b0c4d5-0000-4111-8222-333344445555', 'f00dcafe-1111-4222-8333-444455556666'];
  const manager = (file = '') =>
    call(['/bin/sh', '-c', `${file}; exit $?`, 'Veeam.Backup.Manager', 'startbackupjob', 'Normal', guid, session]);

  const [pre] = await ends([manager(files[0])]);
  expect(pre).toEqual({ exitCode: 0, stdout: expect.stringMatching(/^run .* of job "presented" is ready/) });
  expect(await contextsOfOpenRuns()).toMatchObject([{ integration: 'veeam', productRunId: session }]);

  expect(await ends([manager(files[1])])).toEqual([
    { exitCode: 0, stdout: expect.stringMatching(/^run \S+ released\n$/) },
  ]);
  expect(await exits([manager(files[1])])).toEqual([0]);
});

test('Veeam Agent: a backup that begins although the script failed finds nothing that looks like one', async () => {
  const { files } = await installed('veeam-agent');
  const [pre = '', post = ''] = files;
  const refusal = { status: 500, body: JSON.stringify({ message: 'Something odd happened' }) };
  site.lab.faults.add({
    system: 'array',
    operation: 'POST private/snapshot',
    when: 'before',
    action: { do: 'answer', ...refusal },
  });

  expect(await ends([call([pre])])).toEqual([{ exitCode: 1, stdout: '' }]);
  const directory = path.join(site.lab.directory, 'export');
  expect(
    existsSync(directory)
      ? readdirSync(directory, { recursive: true }).filter((name) => /\.(raw|json)/.test(String(name)))
      : [],
  ).toEqual([]);
  expect(await ends([call([post])])).toEqual([{ exitCode: 0, stdout: '' }]);
});

test('Commvault: words behind the typed command; a job that is started again replaces its earlier attempt', async () => {
  const { lines } = await installed('commvault');
  const typed = (line: string | undefined, words: string) => call(['/bin/sh', '-c', `exec ${line} ${words}`]);

  const [first] = await ends([typed(lines[0], '-bkplevel 1 -attempt 1 -job 4711')]);
  expect(first).toEqual({ exitCode: 0, stdout: expect.stringMatching(/^run .* is ready/) });
  const again = await typed(lines[0], '-bkplevel 1 -attempt 2 -job 4711').ended;
  expect([again.exitCode, again.stderr]).toEqual([0, expect.stringContaining('its earlier attempt is over')]);
  expect(await contextsOfOpenRuns()).toMatchObject([{ productRunId: '4711', attempt: 2, level: 'full' }]);
  const manifest = path.join(site.lab.directory, 'export', JOB, 'snaphook-manifest.json');
  expect(JSON.parse(readFileSync(manifest, 'utf8')).run).toMatchObject({ attempt: 2 });

  expect(await ends([typed(lines[1], '-bkplevel 1 -attempt 2 -status 1 -job 4711')])).toEqual([
    { exitCode: 0, stdout: expect.stringMatching(/^run \S+ released\n$/) },
  ]);
});
