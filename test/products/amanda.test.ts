import { existsSync, mkdirSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { amanda } from '../../integrations/amanda/integration.ts';
import { must, newFolder } from '../files/stage.ts';
import { emptyFolder, install, ownFolder, runAs } from './machine.ts';
import { openProductSite, type ProductSite, SNAPHOOK_KIND } from './product-site.ts';
import { type Details, detailsOf } from './tree-details.ts';

const JOB = 'nightly';
const CONFIG = '/etc/amanda/lab';
/** Amanda was built with this name. */
const TEMPORARY = '/tmp/amanda';

let product: ProductSite;
let written: Readonly<Record<string, Details>>;
beforeAll(async () => {
  product = await openProductSite(JOB);
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
  const restored = newFolder('restored');
  const fetched = `cd ${TEMPORARY} && runuser -u backup -- amfetchdump -p lab localhost ${JOB} 2>said`;
  must('sh', ['-c', `${fetched} | tar -xpf - --xattrs -C ${restored} || cat said`]);
  expect(detailsOf(path.join(restored, 'sql01/hard-disk-1/part1'))).toEqual(written);
});

test('a hook that fails ends the DLE, whose report has the reason in our words, and nothing is left', async () => {
  const action = { do: 'answer', status: 500, body: '{}' } as const;
  product.site.lab.faults.add({ system: 'array', operation: /POST/, when: 'before', action });

  const dump = await asBackup('amdump', 'lab');
  product.site.lab.faults.clear();

  expect(dump.exitCode).not.toBe(0);
  expect((await asBackup('amreport', 'lab')).said).toMatch(/localhost +nightly .*snaphook: .*\[E_ARRAY/);
  product.expectNothingLeft();
});
