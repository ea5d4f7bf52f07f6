import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import { bacula as integration } from '../../integrations/bacula/integration.ts';
import { must } from '../files/stage.ts';
import { hold } from '../lab/impatient-products/product.ts';
import { type Bacula, type BaculaJob, startBacula } from './bacula-daemons.ts';
import { hooksAtWork } from './hooks-at-work.ts';
import { openProductSite, type ProductSite, SNAPHOOK, SNAPHOOK_KIND, until } from './product-site.ts';
import { type Details, detailsOf } from './tree-details.ts';

/** Signs that both sides, or one of them, write in a way of their own. */
const ODD = 'it is 100% "gold"';
const CHANGED = 'data/changed in the gap';

let product: ProductSite;
let bacula: Bacula;
let written: Readonly<Record<string, Details>>;

beforeAll(async () => {
  product = await openProductSite('nightly');
  write(CHANGED, 'old');
  written = product.inGuest(detailsOf);
  changeJobs((jobs) => {
    for (const job of ['nightly', 'presented', 'linux'])
      Object.assign(jobs[job]?.limits ?? {}, { lockWaitSeconds: 120, deadlineSeconds: 500 });
    jobs[ODD] = jobs.nightly;
  });
  // Seen by this suite alone.
  for (const folder of ['/etc/sudoers.d', '/usr/local/sbin'])
    must('mount', ['-t', 'tmpfs', '-o', 'mode=755', 'tmpfs', folder]);
  bacula = await startBacula([byTime(), ...otherJobs()]);
});
afterAll(async () => {
  await bacula?.stop();
  await product?.close();
});
afterEach(async () => {
  product.site.lab.faults.clear();
  await expectNothingLeft();
});

function write(name: string, text: string): void {
  product.inGuest((mountPoint) => writeFileSync(path.join(mountPoint, name), text));
}

type Jobs = Record<string, { limits?: object; snapshotGap?: string } | undefined>;
function changeJobs(change: (jobs: Jobs) => void): void {
  const config = parse(readFileSync(product.configFile, 'utf8'));
  change(config.jobs);
  writeFileSync(product.configFile, stringify(config));
}

const otherJobs = (): readonly BaculaJob[] => [
  jobOf('Odd job', ODD),
  jobOf('Rescheduled', 'nightly', 'Reschedule On Error = yes; Reschedule Interval = 5; Reschedule Times = 1'),
  jobOf('Slow', 'nightly', 'Maximum Bandwidth = 15 kb/s'),
  jobOf('Images', 'presented'),
  jobOf('Linux', 'linux'),
  listed(),
];

/** As it is installed where the Director is on this machine. */
function jobOf(name: string, job: string, more = ''): BaculaJob {
  const { configFile, exportDirectory } = product;
  const settings = { director: 'here' };
  const items = integration.installation.items({ job, program: SNAPHOOK, system: 'linux', configFile, settings });
  for (const item of items) if (item.kind === 'file') writeRootFile(item.path, item.mode, item.content);
  const [lines] = items;
  if (lines?.kind !== 'lines') throw new TypeError('the lines of the Job come first');
  const folder = job === ODD ? exportDirectory : path.join(path.dirname(exportDirectory), job);
  return { name, file: folder, lines: `${lines.text}\n${more}` };
}

function writeRootFile(file: string, mode: number, content: string): void {
  writeFileSync(file, content);
  chmodSync(file, mode);
  chownSync(file, 0, 0);
}

/** A job that goes by time, as Bacula's do where nobody says otherwise. */
function byTime(): BaculaJob {
  const job = jobOf('By time', 'nightly');
  return {
    ...job,
    lines: job.lines.replace('Accurate = yes', 'Accurate = no').replace('--accurate=yes', '--accurate=no'),
  };
}

/** The Client asks for the list before any script of its own: the Director has to prepare. */
function listed(): BaculaJob {
  const hook = `${SNAPHOOK} hook`;
  const options = `--integration bacula --job nightly --config ${product.configFile} --`;
  // The list and the hooks have to tell the same instance, else nobody knows whose job an id is of.
  const words = '--jobid=%i --client=%c --director=%D';
  const prepare = '/usr/local/sbin/prepare-nightly';
  writeRootFile(prepare, 0o755, `#!/bin/sh\nexec ${hook} pre ${options} "$@"\n`);
  writeRootFile('/etc/sudoers.d/prepare', 0o440, `bacula ALL=(root) NOPASSWD: ${prepare}\n`);
  const scripts = `
    RunScript { RunsWhen = Before; RunsOnClient = no; FailJobOnError = yes; Command = "sudo -n ${prepare} ${words} --level=%l" }
    RunScript { RunsWhen = After; RunsOnClient = no; RunsOnSuccess = yes; RunsOnFailure = yes; FailJobOnError = no
      Command = "sudo -n /usr/local/sbin/snaphook-release-nightly ${words}" }`;
  return { name: 'Listed', file: `\\|${hook} list ${options} ${words}`, lines: scripts };
}

/** Holds the first call to the array while a target is linked: the snapshot is there, and nothing is handed over yet. */
function holdAfterSnapshot() {
  const { lab } = product.site;
  return hold(lab, { system: 'array', when: 'before' }, () => lab.store.devices().some(({ isTarget }) => isTarget));
}

async function expectNothingLeft(): Promise<void> {
  await until(() => hooksAtWork().length === 0, 'the end of all hooks');
  product.expectNothingLeft();
}

/** The files of the VM in a restored folder. */
const below = (restored: string) => detailsOf(path.join(restored, product.files));
/** As the guest has them now. */
const detailsNow = () => product.inGuest(detailsOf);
const timesIn = (text: string, pattern: RegExp) => text.match(pattern)?.length ?? 0;

test(`Bacula saves the files of a frozen VM between the hooks of ${SNAPHOOK_KIND}, and restores them as they were`, async () => {
  const { status, messages, jobId } = await bacula.run('Odd job', 'Full');

  expect([status, messages]).toEqual(['T', expect.stringContaining('sql01  application')]);
  await expectNothingLeft();
  expect(below(await bacula.restore([jobId]))).toEqual(written);
});

describe('a file that changes after the snapshot and before the job starts', () => {
  const full: number[] = [];
  const contentIn = async (jobIds: readonly number[]) =>
    readFileSync(path.join(await bacula.restore(jobIds), product.files, CHANGED), 'utf8');
  const setPolicy = (snapshotGap: string) => changeJobs((jobs) => Object.assign(jobs.nightly ?? {}, { snapshotGap }));
  afterAll(() => setPolicy('warn'));

  test('is not in the full backup', async () => {
    const held = holdAfterSnapshot();
    const jobId = await bacula.start('By time', 'Full');
    await held.reached;
    write(CHANGED, 'new');
    // Bacula counts in whole seconds.
    const changedMs = Date.now();
    await until(() => Date.now() > changedMs + 2000, 'the next second');
    held.letGo();
    full.push(jobId);

    expect(await bacula.ended(jobId)).toMatchObject({ status: 'T' });
    expect(await contentIn(full)).toBe('old');
  });

  test('a job that refuses it fails its incremental backup before a guest is touched', async () => {
    setPolicy('refuse');
    const { status, messages, files } = await bacula.run('By time', 'Incremental');

    expect([status, files]).toEqual(['f', 0]);
    expect(messages).toMatch(/refuses what may miss files: a backup of level "incremental" by "bacula" goes by time/);
    expect(messages).not.toMatch(/freezing/);
  });

  test('a job that warns tells it, and the incremental backup misses the file', async () => {
    setPolicy('warn');
    const { status, messages, jobId } = await bacula.run('By time', 'Incremental');

    expect([status, messages]).toEqual([
      'T',
      expect.stringMatching(/warn a backup of level "incremental" .* are missing in it/),
    ]);
    full.push(jobId);
    expect(await contentIn(full)).toBe('old');
  });

  test('with Accurate = yes the next incremental backup has it, and nothing is warned of', async () => {
    await bacula.reload([jobOf('By time', 'nightly'), ...otherJobs()]);
    setPolicy('refuse');
    const { status, messages, jobId } = await bacula.run('By time', 'Incremental');

    expect([status, messages]).toEqual(['T', expect.stringMatching(/the call says how .* incrementals=by-comparison/)]);
    expect(await contentIn([...full, jobId])).toBe('new');
  });
});

describe('trouble', () => {
  test('cancelled while the pre hook works: the Director has it stopped and undone', async () => {
    const held = holdAfterSnapshot();
    const jobId = await bacula.start('Odd job', 'Full');
    await held.reached;
    await bacula.cancel(jobId);
    await until(() => hooksAtWork('pre').length === 0, 'the end of the pre hook');
    held.letGo();

    expect(await bacula.ended(jobId)).toMatchObject({ status: 'A', files: 0 });
    const stopped = / AfterJob: the pre hook was still at work and was stopped/;
    await until(() => stopped.test(bacula.messagesOf(jobId)), "the Director's post hook");
  });

  test('a pre hook that fails: no data is moved, all is undone, and the same job id tries again', async () => {
    product.site.lab.faults.add({
      system: 'array',
      operation: 'PUT private/snapshot Link',
      when: 'before',
      action: { do: 'answer', status: 500, body: JSON.stringify({ message: 'Something odd happened' }) },
    });
    const jobId = await bacula.start('Rescheduled', 'Full');
    await until(() => bacula.messagesOf(jobId).includes('Something odd happened'), 'the failure');
    product.site.lab.faults.clear();
    const { status, messages } = await bacula.ended(jobId);

    expect(status).toBe('T');
    expect(timesIn(messages, new RegExp(`run ClientBeforeJob .* --jobid=${jobId} `, 'g'))).toBe(2);
    expect(below(await bacula.restore([jobId]))).toEqual(detailsNow());
  });

  test('a pre hook that is killed: the job fails, and its post hook takes away what was there', async () => {
    const held = holdAfterSnapshot();
    const jobId = await bacula.start('Odd job', 'Full');
    await held.reached;
    for (const pid of hooksAtWork('pre')) process.kill(pid, 'SIGKILL');
    const ended = await bacula.ended(jobId);
    held.letGo();

    expect(ended).toMatchObject({ files: 0, messages: expect.stringMatching(/had crashed and was cleaned up/) });
    expect(['E', 'f']).toContain(ended.status);
  });

  test('cancelled while data move: the post hook releases the run', async () => {
    const before = bacula.volumeBytes();
    // Its bandwidth is so small that data move for seconds.
    const jobId = await bacula.start('Slow', 'Full');
    await until(() => bacula.volumeBytes() > before + 10_000, 'the data');
    expect(hooksAtWork()).toEqual([]);
    await bacula.cancel(jobId);

    expect(await bacula.ended(jobId)).toMatchObject({ status: 'A' });
    // The Client's messages are not listened to any more.
    await until(() => product.site.leftBehind().length === 0, 'the release');
  });
});

test('three jobs at once, two of them of one VM, do not disturb one another', async () => {
  const ids = await Promise.all(['Odd job', 'Images', 'Linux'].map((name) => bacula.start(name, 'Full')));
  const ended = await Promise.all(ids.map((id) => bacula.ended(id)));

  expect(ended.map(({ status, messages }) => (status === 'T' ? status : messages))).toEqual(['T', 'T', 'T']);
  const [, images = 0] = ids;
  const restored = await bacula.restore([images]);
  const manifest = path.join(restored, path.dirname(product.exportDirectory), 'presented/snaphook-manifest.json');
  expect(must(SNAPHOOK, ['verify', manifest])).toMatch(/ok/);
});

describe('a list of paths', () => {
  test('has what the Director had prepared', async () => {
    const { status, jobId } = await bacula.run('Listed', 'Full');

    expect(status).toBe('T');
    expect(below(await bacula.restore([jobId]))).toEqual(detailsNow());
  });

  test('fails when nothing is handed over, so that no empty backup is a success', () => {
    const words = ['hook', 'list', '--integration', 'bacula', '--job', 'nightly', '--config', product.configFile];
    const { status, stdout, stderr } = spawnSync(SNAPHOOK, words, { encoding: 'utf8' });

    expect([status, stdout, stderr]).toEqual([75, '', '']);
  });
});
