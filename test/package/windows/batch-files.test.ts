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
