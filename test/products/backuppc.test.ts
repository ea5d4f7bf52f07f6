import { appendFileSync, existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { backuppc } from '../../integrations/backuppc/integration.ts';
import { must, newFolder } from '../files/stage.ts';
import { until } from '../lab/impatient-products/product.ts';
import { type Daemon, emptyFolder, install, ownFolder, runAs, startAs } from './machine.ts';
import { openProductSite, type ProductSite, SNAPHOOK_KIND } from './product-site.ts';
import { type Details, detailsOf, withoutDetails } from './tree-details.ts';

const JOB = 'nightly';
const BIN = '/usr/share/backuppc/bin';
const STORE = '/var/lib/backuppc';

let server: Daemon;
let product: ProductSite;
let written: Readonly<Record<string, Details>>;
beforeAll(async () => {
  product = await openProductSite(JOB);
  written = product.inGuest(detailsOf);
  ownFolder('/etc');
  ownFolder('/var/log');
  emptyFolder(STORE, 'backuppc');
  setUp();
  server = startAs('backuppc', [`${BIN}/BackupPC`]);
  await until(() => existsSync(path.join(STORE, 'BackupPC.sock')));
});
afterAll(async () => {
  await server.end();
  await product.close();
});

function setUp(): void {
  const { configFile, exportDirectory: directory } = product;
  const [lines = ''] = install(backuppc, { job: JOB, configFile, settings: { directory } });
  appendFileSync(
    '/etc/backuppc/config.pl',
    [
      `$Conf{RunDir} = '${STORE}';`,
      // It does not start with the path of a program that is not there.
      'for (grep { /Path$/ } keys %Conf) { $Conf{$_} = q() if defined $Conf{$_} && !-x $Conf{$_}; }',
      '1;',
      '',
    ].join('\n'),
  );
  writeFileSync('/etc/backuppc/localhost.pl', `${lines}\n$Conf{PingCmd} = '/bin/true';\n1;\n`);
}

const dump = (kind: '-f' | '-i') => runAs('backuppc', [`${BIN}/BackupPC_dump`, '-v', kind, 'localhost']);

/** What a backup of BackupPC has of the guest's files. */
function restored(number: number): Readonly<Record<string, Details>> {
  const folder = newFolder('restored');
  const create = `runuser -u backuppc -- ${BIN}/BackupPC_tarCreate -h localhost -n ${number} -s '${product.exportDirectory}' .`;
  must('sh', ['-c', `cd / && ${create} | tar -xpf - -C ${folder}`]);
  return detailsOf(path.join(folder, 'sql01/hard-disk-1/part1'));
}

/** BackupPC keeps neither holes nor attributes where tar reads. */
const asKept = (tree: Readonly<Record<string, Details>>) => withoutDetails(tree, 'sparse', 'attributes');

test(`BackupPC backs up by ${SNAPHOOK_KIND} as its own user, and what it restores is what the guest wrote`, async () => {
  const full = await dump('-f');
  expect(full).toMatchObject({ exitCode: 0, said: expect.stringContaining('is ready in') });
  product.expectNothingLeft();

  expect(asKept(restored(0))).toEqual(asKept(written));
});

test('an incremental dump has what the guest changed, made and renamed; what it deleted stays, as tar sees no deletions', async () => {
  const changed = product.inGuest((mountPoint) => {
    const at = (name: string) => path.join(mountPoint, 'data', name);
    writeFileSync(at('private'), 'changed\n');
    writeFileSync(at('made'), 'new\n');
    renameSync(at('program'), at('renamed'));
    rmSync(at('nothing'));
    return detailsOf(mountPoint);
  });

  expect(await dump('-i')).toMatchObject({ exitCode: 0, said: expect.stringContaining('type=incr') });

  product.expectNothingLeft();
  const gone = Object.fromEntries(Object.entries(written).filter(([name]) => !(name in changed)));
  expect(Object.keys(gone)).toEqual(['data/nothing', 'data/program']);
  expect(asKept(restored(1))).toEqual(asKept({ ...changed, ...gone }));
});

test('a hook that fails ends the backup before any file is read, its log says why, and nothing is left', async () => {
  const action = { do: 'answer', status: 500, body: '{}' } as const;
  product.site.lab.faults.add({ system: 'array', operation: /POST/, when: 'before', action });

  const failed = await dump('-f');
  product.site.lab.faults.clear();

  expect(failed).toMatchObject({ said: expect.stringMatching(/\[E_ARRAY[\s\S]*DumpPreUserCmd returned error status/) });
  product.expectNothingLeft();
});
