import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import { amanda } from '../../integrations/amanda/integration.ts';
import { must, newFolder } from '../files/stage.ts';
import { hold } from '../lab/impatient-products/product.ts';
import { emptyFolder, install, ownFolder, runAs } from './machine.ts';
import { openProductSite, type ProductSite, SNAPHOOK_KIND, until } from './product-site.ts';
import { type Details, detailsOf } from './tree-details.ts';

const JOB = 'nightly';
const CONFIG = '/etc/amanda/lab';
const CHANGED = 'data/changed in the gap';
/** Amanda was built with this name. */
const TEMPORARY = '/tmp/amanda';

let product: ProductSite;
let written: Readonly<Record<string, Details>>;
beforeAll(async () => {
  product = await openProductSite(JOB);
  write('old');
  written = product.inGuest(detailsOf);
  ownFolder('/etc');
  ownFolder('/var/log');
  ownFolder('/usr/lib/amanda/application');
  for (const folder of ['/var/lib/amanda', '/var/log/amanda', TEMPORARY]) {
    mkdirSync(folder, { recursive: true });
    emptyFolder(folder, 'backup');
  }
  setUp();
});
afterAll(async () => {
  await product.close();
  must('umount', ['--lazy', TEMPORARY]);
  rmdirSync(TEMPORARY);
});

function write(text: string): void {
  product.inGuest((mountPoint) => writeFileSync(path.join(mountPoint, CHANGED), text));
}

/** A server and its one client, which backs up to a folder. */
function setUp(): void {
  mkdirSync(product.exportDirectory, { recursive: true });
  const [script = '', disk = ''] = install(amanda, { job: JOB, configFile: product.configFile });
  mkdirSync(CONFIG, { recursive: true });
  mkdirSync('/var/lib/amanda/gnutar-lists');
  for (let slot = 1; slot <= 4; slot += 1) mkdirSync(`/var/lib/amanda/vtapes/slot${slot}`, { recursive: true });
  writeFileSync(
    path.join(CONFIG, 'amanda.conf'),
    [
      'org "lab"',
      'dumpuser "backup"',
      'infofile "/var/lib/amanda/info"',
      'logdir "/var/log/amanda"',
      'indexdir "/var/lib/amanda/index"',
      'tpchanger "chg-disk:/var/lib/amanda/vtapes"',
      'labelstr "LAB[0-9][0-9]*"',
      'autolabel "LAB%%%" empty volume_error',
      'tapecycle 4',
      'tapetype vtape',
      'define tapetype vtape {',
      '  length 500 mbytes',
      '}',
      script,
      'define dumptype here {',
      `  snaphook-${JOB}`,
      '  auth "local"',
      // A level is the one that is asked for: Amanda makes full dumps earlier where there is room.
      '  maxpromoteday 0',
      '}',
      '',
    ].join('\n'),
  );
  writeFileSync(path.join(CONFIG, 'disklist'), disk.replace('HOST', 'localhost').replace(/\S+$/, 'here\n'));
  must('chown', ['-R', 'backup:backup', '/etc/amanda', '/var/lib/amanda']);
}

const asBackup = (...command: readonly string[]) => runAs('backup', command);

/** Every run that was ended, which has a snapshot of its own. */
const endedRuns = () => readdirSync(path.join(product.site.lab.directory, 'state/runs/closed')).length;

test(`Amanda backs up by ${SNAPHOOK_KIND}: estimate and backup see one snapshot, and what it restores is what the guest wrote`, async () => {
  expect(await asBackup('amcheck', '-c', 'lab')).toMatchObject({
    exitCode: 0,
    said: expect.stringContaining(' 0 problems'),
  });
  expect(existsSync(path.join(product.site.lab.directory, 'state/runs'))).toBe(false);

  expect(await asBackup('amdump', 'lab')).toMatchObject({ exitCode: 0 });

  expect(endedRuns()).toBe(1);
  product.expectNothingLeft();
  expect(detailsOf(lastDump())).toEqual(written);
});

/** The log of Amanda's last run. */
function lastLog(): string {
  const logs = readdirSync('/var/log/amanda').filter((file) => /^log\.\d{14}\./.test(file));
  return path.join('/var/log/amanda', logs.toSorted().at(-1) ?? '');
}

/** The files of the VM in what the last run of Amanda stored. */
function lastDump(): string {
  const restored = newFolder('restored');
  const dump = `localhost ${JOB} ${/\d{14}/.exec(lastLog())?.[0]}`;
  const fetched = `cd ${TEMPORARY} && runuser -u backup -- amfetchdump -p lab ${dump} 2>said`;
  must('sh', ['-c', `${fetched} | tar -xpf - --xattrs -C ${restored} || cat said`]);
  return path.join(restored, 'sql01/hard-disk-1/part1');
}

test('a hook that fails ends the DLE, whose report has the reason in our words, and nothing is left', async () => {
  const action = { do: 'answer', status: 500, body: '{}' } as const;
  product.site.lab.faults.add({ system: 'array', operation: /POST/, when: 'before', action });

  const dump = await asBackup('amdump', 'lab');
  product.site.lab.faults.clear();

  expect(dump.exitCode).not.toBe(0);
  expect((await asBackup('amreport', 'lab')).said).toMatch(/localhost +nightly .*snaphook: .*\[E_ARRAY/);
  product.expectNothingLeft();
});

describe('a file that changes after the snapshot and before tar starts', () => {
  const setPolicy = (snapshotGap: string) => {
    const config = parse(readFileSync(product.configFile, 'utf8'));
    Object.assign(config.jobs[JOB], { snapshotGap });
    writeFileSync(product.configFile, stringify(config));
  };
  const level = (word: 'force' | 'force-level-1') => asBackup('amadmin', 'lab', word, 'localhost', JOB);
  const log = () => readFileSync('/var/log/snaphook/amanda.log', 'utf8');

  test('is in the full backup as it was', async () => {
    await level('force');
    const { lab } = product.site;
    const isSnapshotTaken = () => lab.store.devices().some(({ isTarget }) => isTarget);
    const held = hold(lab, { system: 'array', when: 'before' }, isSnapshotTaken);
    const dump = asBackup('amdump', 'lab');
    await held.reached;
    write('new');
    // tar counts in fractions of seconds, Amanda in whole ones.
    const changedMs = Date.now();
    await until(() => Date.now() > changedMs + 2000, 'the next second');
    held.letGo();

    expect(await dump).toMatchObject({ exitCode: 0 });
    expect(readFileSync(path.join(lastDump(), CHANGED), 'utf8')).toBe('old');
    product.expectNothingLeft();
  });

  // Whether it is in there goes by whether the folders of the hand-over, which are made anew, have their old inodes.
  test('may be missed by the next incremental backup, which is warned of', async () => {
    const said = log().length;
    await level('force-level-1');

    expect(await asBackup('amdump', 'lab')).toMatchObject({ exitCode: 0 });

    expect(log().slice(said)).toMatch(/warn a backup of level .* by "amanda" goes by time/);
    expect(readFileSync(lastLog(), 'utf8')).toMatch(/^SUCCESS dumper localhost nightly \d+ 1 /m);
  });

  test('a job that refuses it fails before a guest is touched', async () => {
    setPolicy('refuse');
    const said = log().length;
    await level('force-level-1');

    expect((await asBackup('amdump', 'lab')).exitCode).not.toBe(0);

    expect((await asBackup('amreport', 'lab')).said).toMatch(/E_SNAPSHOT_GAP/);
    expect(log().slice(said)).not.toContain('freezing');
    product.expectNothingLeft();
  });
});
