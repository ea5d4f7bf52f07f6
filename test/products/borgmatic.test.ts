import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import { borgmatic } from '../../integrations/borgmatic/integration.ts';
import { must, newFolder } from '../files/stage.ts';
import { hold, start, until } from '../lab/impatient-products/product.ts';
import { itemsOf } from './installed.ts';
import { openProductSite, type ProductSite, SNAPHOOK_KIND } from './product-site.ts';
import { type Details, detailsOf, withoutDetails } from './tree-details.ts';

const JOB = 'nightly';

let product: ProductSite;
let written: Readonly<Record<string, Details>>;
let repository: string;
let configFile: string;
let logFile: string;
let environment: Readonly<Record<string, string>>;

beforeAll(async () => {
  product = await openProductSite(JOB);
  written = product.inGuest(detailsOf);
  const folder = newFolder('borg');
  repository = path.join(folder, 'repository');
  logFile = path.join(folder, 'hooks.log');
  environment = { PATH: process.env.PATH ?? '', HOME: folder, BORG_BASE_DIR: folder, SNAPHOOK_LOG: logFile };
  must('borg', ['init', '--encryption=none', repository], undefined, environment);
  configFile = path.join(folder, 'config.yaml');
  const version = /^1\.\d+/.exec(must('borgmatic', ['--version']))?.[0] ?? '2.0';
  const [lines] = itemsOf(borgmatic, { job: JOB, configFile: product.configFile, settings: { version } });
  const sources = {
    location: { source_directories: [product.exportDirectory], repositories: [repository] },
    storage: { unknown_unencrypted_repo_access_is_ok: true },
    retention: { keep_daily: 7 },
  };
  writeFileSync(configFile, stringify({ ...sources, ...parse(lines?.kind === 'lines' ? lines.text : '') }));
});
afterEach(() => product.site.lab.faults.clear());
afterAll(() => product.close());

const create = () =>
  start(['borgmatic', '--config', configFile, '--log-file', `${logFile}.borgmatic`, 'create'], { env: environment });
const archives = (): readonly string[] => {
  const list = must('borg', ['list', '--short', repository], undefined, environment);
  return list === '' ? [] : list.split('\n');
};

test(`borgmatic calls ${SNAPHOOK_KIND}, and what Borg restores are the files of the VM as its guest wrote them`, async () => {
  const { exitCode, stderr } = await create().ended;

  expect([exitCode, stderr]).toEqual([0, expect.not.stringContaining('rror')]);
  product.expectNothingLeft();
  const folder = newFolder('restored');
  const [archive = ''] = archives();
  must(
    'sh',
    ['-c', 'cd "$1" && borg extract --sparse "$2"', 'sh', folder, `${repository}::${archive}`],
    undefined,
    environment,
  );
  // Borg restores a hole where it is a whole chunk.
  expect(withoutDetails(detailsOf(path.join(folder, product.files)), 'sparse')).toEqual(
    withoutDetails(written, 'sparse'),
  );
});

test('a pre hook that fails is an error of borgmatic, without an archive', async () => {
  const before = archives();
  product.site.lab.faults.add({
    system: 'array',
    operation: 'PUT private/snapshot Link',
    when: 'before',
    action: { do: 'answer', status: 500, body: JSON.stringify({ message: 'Something odd happened' }) },
  });

  const { exitCode, stderr, stdout } = await create().ended;

  expect([exitCode, `${stdout}${stderr}`]).toEqual([1, expect.stringContaining('Something odd happened')]);
  expect(archives()).toEqual(before);
  product.expectNothingLeft();
});

test('SIGTERM, which borgmatic passes on to a hook that has it already: everything is undone, and no archive is made', async () => {
  const before = archives();
  const held = hold(product.site.lab, { system: 'array', operation: 'PUT private/snapshot Link', when: 'before' });
  const running = create();
  await held.reached;
  running.signalGroup('SIGTERM');
  held.letGo();

  expect((await running.ended).exitCode).toBe(143);
  await until(() => readFileSync(logFile, 'utf8').includes('interrupted by SIGTERM'));
  await until(() => product.site.leftBehind().length === 0);
  product.expectNothingLeft();
  expect(archives()).toEqual(before);
});
