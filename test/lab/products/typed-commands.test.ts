import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { integrationNamed } from '../../../integrations/catalogue.ts';
import type { InstallItem } from '../../../integrations/contract.ts';
import { start } from '../impatient-products/product.ts';
import { openSite, type Site } from '../main-job/site.ts';

/** Products that run what was typed into them: each as it runs it, with what `snaphook install` prints or writes for it. */
const JOB = 'presented';
const SNAPHOOK = path.join(__dirname, '../../../dist/snaphook.cjs');
const folder = mkdtempSync(path.join(os.tmpdir(), 'snaphook-typed-'));

let site: Site;
beforeAll(async () => {
  site = await openSite({ estate: { disks: 1 } });
});
afterAll(() => site.close());
afterEach(() => expect(site.leftBehind()).toEqual([]));

const isHandedOver = () => existsSync(path.join(site.lab.directory, 'export', JOB, 'snaphook-manifest.json'));

async function itemsOf(product: string, settings: Readonly<Record<string, string>>): Promise<readonly InstallItem[]> {
  const { installation } = await integrationNamed(product);
  const configFile = site.lab.configFile;
  return installation.items({ job: JOB, program: SNAPHOOK, system: 'linux', configFile, settings });
}

const linesOf = (items: readonly InstallItem[]) => items.flatMap((item) => (item.kind === 'lines' ? [item.text] : []));

/** As `install` writes it, and where the product would look for it. */
function written(items: readonly InstallItem[]): readonly string[] {
  return items.flatMap((item) => {
    if (item.kind !== 'file') return [];
    const file = path.join(folder, path.basename(item.path));
    writeFileSync(file, item.content);
    chmodSync(file, item.mode);
    return [file];
  });
}

const shell = (line: string) => ['/bin/sh', '-c', line];
const optionIn = (text: string, key: string) => new RegExp(`^${key}:? +"(.*)";?$`, 'm').exec(text)?.[1] ?? '';

/** The calls before and after a backup: words of the process that the product starts. */
const PRODUCTS: readonly (readonly [
  string,
  Readonly<Record<string, string>>,
  (items: readonly InstallItem[]) => readonly (readonly string[])[],
])[] = [
  [
    'spectrum-protect',
    {},
    (items) => ['PRESCHEDULECMD', 'POSTSCHEDULECMD'].map((key) => shell(optionIn(linesOf(items)[0] ?? '', key))),
  ],
  [
    'networker',
    { group: 'Nightly', timeout: '24 hours' },
    (items) => ['precmd', 'pstcmd'].map((key) => shell(optionIn(linesOf(items)[0] ?? '', key))),
  ],
  ['avamar', { folder, limitSeconds: '600' }, (items) => written(items).map((file) => [file])],
  ['rubrik', { limitSeconds: '600' }, (items) => written(items).map((file) => [file])],
  ['backup-exec', { limitSeconds: '1800' }, (items) => linesOf(items).map(shell)],
  ['arcserve', {}, (items) => linesOf(items).map(shell)],
  [
    'acronis',
    {},
    (items) =>
      linesOf(items).map((text) => {
        const [, command = '', words = ''] = /^Command: (.*)\nArguments: (.*)$/m.exec(text) ?? [];
        return shell(`exec '${command}' ${words}`);
      }),
  ],
];

test.each(PRODUCTS)(
  '%s: its commands hand over and release, and a second release is no failure',
  async (name, settings, callsOf) => {
    const [pre = [], post = []] = callsOf(await itemsOf(name, settings));

    expect((await start(pre).ended).exitCode).toBe(0);
    expect(isHandedOver()).toBe(true);
    expect((await start(post).ended).exitCode).toBe(0);
    expect(isHandedOver()).toBe(false);
    expect((await start(post).ended).exitCode).toBe(0);
  },
);

test('data-protector: variables tell the session; a preview plans only', async () => {
  const [pre = '', post = ''] = linesOf(await itemsOf('data-protector', {}));
  const session = { PATH: process.env.PATH, DATALIST: JOB, MODE: 'full', PREVIEW: '0', SESSIONKEY: 'R-2026/11/26-1' };
  const call = async (line: string, more: Readonly<Record<string, string>> = {}) =>
    (await start(shell(line), { env: { ...session, ...more } }).ended).exitCode;

  expect(await call(pre, { PREVIEW: '1' })).toBe(0);
  expect(isHandedOver()).toBe(false);
  expect(await call(pre)).toBe(0);
  expect(await call(post, { PREVIEW: '1' })).toBe(0);
  expect(await call(post, { SESSIONKEY: 'R-2026/11/26-2', SMEXIT: '0' })).toBe(0); // a late one of another session
  expect(isHandedOver()).toBe(true);
  expect(await call(post, { SMEXIT: '12' })).toBe(0);
});

test('networker-save: the backup command saves what was handed over, and ends as save does', async () => {
  const bin = path.join(folder, 'bin');
  mkdirSync(bin);
  const saved = path.join(folder, 'saved');
  writeFileSync(path.join(bin, 'save'), `#!/bin/sh\nfor last; do :; done\nls "$last" >'${saved}'\nexit 3\n`, {
    mode: 0o755,
  });
  const [command = ''] = written(await itemsOf('networker-save', { folder: bin }));
  const directory = path.join(site.lab.directory, 'export', JOB);

  const { exitCode, stdout } = await start([command, '-s', 'nw', '-c', 'sql01', '-l', 'full', directory]).ended;

  expect({ exitCode, stdout }).toEqual({ exitCode: 3, stdout: '' });
  expect(readdirSync(folder)).toContain('saved');
  expect(isHandedOver()).toBe(false);
});
