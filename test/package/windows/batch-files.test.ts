import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { integrationNamed } from '../../../integrations/catalogue.ts';
import { leftByKilled } from '../../left-behind.ts';
import { openWineSite, type WineSite, winePath } from './wine.ts';

let wine: WineSite;
beforeAll(async () => {
  wine = await openWineSite();
});
afterAll(() => wine.close());

/** Writes the batch files of a product as `snaphook install` would, and calls one as cmd.exe of a scheduler does. */
async function batchFiles(
  product: string,
  configFile: string,
  settings: Readonly<Record<string, string>> = {},
  name = 'snaphook.exe',
) {
  const { installation } = await integrationNamed(product);
  const program = winePath(path.join(wine.folder, name));
  const items = installation.items({ job: 'nightly', program, system: 'windows', configFile, settings });
  const files = items.flatMap((item) => (item.kind === 'file' ? [item] : []));
  return files.map(({ path: file, content }) => {
    expect(content.split('\n').every((line, index, all) => line.endsWith('\r') || index === all.length - 1)).toBe(true);
    const own = path.join(wine.folder, path.win32.basename(file));
    writeFileSync(own, content);
    return (...words: string[]) => wine.run('cmd', '/c', winePath(own), ...words);
  });
}

test('batch files run both hooks under cmd.exe, and pass their exit codes on', async () => {
  const [pre, post] = await batchFiles('rubrik', winePath(wine.site.lab.configFile), { limitSeconds: '600' });

  expect((await pre?.())?.exitCode).toBe(0);
  expect((await post?.())?.exitCode).toBe(0);
  expect((await post?.())?.exitCode).toBe(0);
  expect(leftByKilled(wine.site.lab)).toEqual([]);
});

/** Where cmd.exe would see variables, commands and blocks. */
const ODD_CONFIG = String.raw`C:\no 100% & (where) ^.yaml`;

interface Product {
  readonly name: string;
  readonly settings?: Readonly<Record<string, string>>;
  /** What the product puts into the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Neither stdout nor stderr is ours. */
  readonly isSilent?: true;
}

const WITH_BATCH_FILES: readonly Product[] = [
  { name: 'avamar', settings: { limitSeconds: '600' } },
  { name: 'cohesity', env: { COHESITY_BACKUP_ENTITY: 'sql01' } },
  {
    name: 'duplicati',
    settings: { limitSeconds: '600' },
    env: { DUPLICATI__EVENTNAME: 'BEFORE', DUPLICATI__OPERATIONNAME: 'Backup' },
  },
  { name: 'kopia', settings: { source: 'C:\\vm', limitSeconds: '600' }, env: { KOPIA_ACTION: 'before-snapshot-root' } },
  { name: 'netbackup', settings: { policy: 'VMWARE-SQL' }, isSilent: true },
  { name: 'networker', settings: { group: 'G', timeout: '1 hour' } },
  { name: 'rubrik', settings: { limitSeconds: '600' } },
  { name: 'veeam' },
  { name: 'veeam-agent' },
];

/** Of the lines that `install` prints for Windows: those that a product gives to cmd.exe. */
const WITH_COMMANDS: readonly Product[] = ['arcserve', 'backup-exec', 'commvault', 'data-protector', 'generic'].map(
  (name) => ({ name }),
);

const asTold = { exitCode: expect.any(Number), stderr: expect.stringContaining(ODD_CONFIG) };

test.each(WITH_BATCH_FILES)(
  'a hook of $name that fails ends its batch file with the number that is a failure to the product, and names the odd file',
  async ({ name, settings, env = {}, isSilent }) => {
    const { exits } = await integrationNamed(name);
    const [pre] = await batchFiles(name, ODD_CONFIG, settings);
    Object.assign(process.env, env);

    const ended = await pre?.();

    for (const variable of Object.keys(env)) delete process.env[variable];
    expect(ended?.exitCode).toBe(exits.failed === 'own' ? 10 : exits.failed);
    if (!isSilent) expect(ended).toMatchObject(asTold);
  },
);

test.each(WITH_COMMANDS)(
  'a command of $name, typed as it is printed, ends with the number that is a failure to the product, and names the odd file',
  async ({ name }) => {
    const { exits, installation } = await integrationNamed(name);
    const program = winePath(path.join(wine.folder, 'snaphook.exe'));
    const request = { job: 'nightly', program, system: 'windows', configFile: ODD_CONFIG, settings: {} } as const;
    const [line] = installation.items(request).flatMap((item) => (item.kind === 'lines' ? [item.text.trim()] : []));

    const ended = await wine.typeIn(line ?? '');

    // On Windows Data Protector looks for codes below 0; here its integration is that of this system.
    const failed = name === 'data-protector' ? 255 : exits.failed;
    expect(ended).toMatchObject({ ...asTold, exitCode: failed === 'own' ? 10 : failed });
  },
);

test('a configuration that is not there is told by the exit code of the batch file', async () => {
  const [pre, post] = await batchFiles('networker', 'C:\\no where.yaml', { group: 'G', timeout: '1 hour' });

  expect((await pre?.())?.exitCode).toBe(10);
  expect((await post?.())?.exitCode).toBe(10);
});

test('NetBackup is told by the result file that it names: success, a failure, and a program that is not there', async () => {
  const policy = { policy: 'VMWARE-SQL', schedule: '', limitSeconds: '300', folder: '' };
  const result = path.join(wine.folder, 'result of a hook');
  const words = ['proxy1', 'VMWARE-SQL', 'Full', 'FULL', '0', winePath(result)];
  const resultOf = async (hook: ((...words: string[]) => Promise<unknown>) | undefined) => {
    rmSync(result, { force: true });
    await hook?.(...words);
    return readFileSync(result, 'utf8').trim();
  };

  const [pre, post] = await batchFiles('netbackup', winePath(wine.site.lab.configFile), policy);
  expect(await resultOf(pre)).toBe('0');
  expect(await resultOf(post)).toBe('0');
  expect(leftByKilled(wine.site.lab)).toEqual([]);
  const [failing] = await batchFiles('netbackup', 'C:\\nowhere.yaml', policy);
  expect(await resultOf(failing)).not.toBe('0');
  const [missing] = await batchFiles('netbackup', 'C:\\nowhere.yaml', policy, 'gone.exe');
  expect(await resultOf(missing)).toBe('1');
});

test('a failed hook of Data Protector on Windows ends with a code below 0', async () => {
  const file = path.join(wine.folder, 'below.bat');
  const hook = 'snaphook.exe hook pre --integration=data-protector --job=x --config=C:\\x.yaml';
  writeFileSync(file, `@echo off\r\n${hook}\r\nif %ERRORLEVEL% LSS 0 exit /b 7\r\nexit /b 8\r\n`);

  expect((await wine.run('cmd', '/c', winePath(file))).exitCode).toBe(7);
});
