import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import { restic } from '../../integrations/restic/integration.ts';
import { must, newFolder } from '../files/stage.ts';
import { hold, start } from '../lab/impatient-products/product.ts';
import { itemsOf, writeFilesOf } from './installed.ts';
import { openProductSite, type ProductSite, SNAPHOOK, SNAPHOOK_KIND } from './product-site.ts';
import { type Details, detailsOf, withoutDetails } from './tree-details.ts';

const JOB = 'nightly';
const BAND_BYTES = 262_144;
const DEVICE = '00101';

let product: ProductSite;
let written: Readonly<Record<string, Details>>;
let environment: Readonly<Record<string, string>>;

beforeAll(async () => {
  product = await openProductSite(JOB);
  written = product.inGuest(detailsOf);
  const folder = newFolder('restic');
  const password = path.join(folder, 'password');
  writeFileSync(password, 'of a test\n');
  environment = {
    PATH: process.env.PATH ?? '',
    RESTIC_REPOSITORY: path.join(folder, 'repository'),
    RESTIC_PASSWORD_FILE: password,
    RESTIC_CACHE_DIR: path.join(folder, 'cache'),
  };
  must('restic', ['init'], undefined, environment);
});
afterEach(() => product.site.lab.faults.clear());
afterAll(() => product.close());

/** The script that is installed, in place of restic. */
function backup(directory: string, configFile = product.configFile) {
  const [script = ''] = writeFilesOf(itemsOf(restic, { job: JOB, configFile }));
  return start([script, 'backup', '--json', directory], { env: environment });
}

async function summaryOf(directory: string, configFile?: string): Promise<Readonly<Record<string, number>>> {
  const { exitCode, stdout, stderr } = await backup(directory, configFile).ended;
  expect([exitCode, stderr]).toEqual([0, expect.stringContaining(' info captured ')]);
  product.expectNothingLeft();
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '');
}

function restored(): string {
  const folder = newFolder('restored');
  must('restic', ['restore', 'latest', '--target', folder], undefined, environment);
  return folder;
}

test(`the script calls ${SNAPHOOK_KIND} around restic, and what restic restores are the files of the VM as its guest wrote them`, async () => {
  const { files_new } = await summaryOf(product.files);

  expect(files_new).toBeGreaterThan(5);
  // restic before version 0.15 restores no holes.
  expect(withoutDetails(detailsOf(path.join(restored(), product.files)), 'sparse')).toEqual(
    withoutDetails(written, 'sparse'),
  );
});

test('mounted again for the next backup, no file looks changed to restic', async () => {
  const summary = await summaryOf(product.files);

  expect(summary).toMatchObject({ files_new: 0, files_changed: 0 });
  expect(summary.files_unmodified).toBeGreaterThan(5);
});

test('of a disk as bands restic reads only what the guest has written since, and the disk comes back whole', async () => {
  const configFile = path.join(newFolder('bands'), 'snaphook.yaml');
  const config = parse(readFileSync(product.configFile, 'utf8'));
  const exportDirectory = path.join(newFolder('bands'), 'export');
  Object.assign(config.jobs[JOB], { handOver: 'images', imageFormat: 'bands', bandBytes: BAND_BYTES, exportDirectory });
  writeFileSync(configFile, stringify(config));
  const folder = path.join(exportDirectory, 'sql01/hard-disk-1.bands');
  const first = await summaryOf(folder, configFile);
  product.inGuest((mountPoint) => writeFileSync(path.join(mountPoint, 'data/new'), Buffer.alloc(100_000, 'new')));

  const second = await summaryOf(folder, configFile);

  expect(second.files_unmodified).toBeGreaterThan((second.files_new ?? 0) + (second.files_changed ?? 0));
  expect(second.total_files_processed).toBeGreaterThanOrEqual(first.total_files_processed ?? Number.NaN);
  const image = path.join(newFolder('assembled'), 'disk.raw');
  must(SNAPHOOK, ['bands', 'assemble', path.join(restored(), folder), image]);
  expectSameAsDevice(image);
});

/** The virtual disk ends before its device does. */
function expectSameAsDevice(image: string): void {
  const device = product.site.lab.store.open(DEVICE);
  const bytes = readFileSync(image);
  expect(bytes.equals(device.read(0, bytes.length))).toBe(true);
}

test('SIGTERM to the script goes on to the hook at work: everything is undone, and restic does not run', async () => {
  const held = hold(product.site.lab, { system: 'array', operation: 'PUT private/snapshot Link', when: 'before' });
  const running = backup(product.files);
  await held.reached;
  running.child.kill('SIGTERM');
  held.letGo();

  const { exitCode, stdout, stderr } = await running.ended;

  expect([exitCode, stdout, stderr]).toEqual([143, '', expect.stringContaining('interrupted by SIGINT')]);
  product.expectNothingLeft();
});
