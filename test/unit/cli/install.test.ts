import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { requireProgramOfRoot } from '../../../src/cli/install/hook-program.ts';
import { sha256Of } from '../../../src/cli/install/install-record.ts';
import { type InstallCall, installVerb, uninstallVerb } from '../../../src/cli/install/install-verb.ts';
import { type FileItem, stateOf, writeItems } from '../../../src/cli/install/installed-files.ts';

const place = () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'install-'));
  const scripts = path.join(folder, 'scripts');
  mkdirSync(scripts);
  const configFile = path.join(folder, 'snaphook.yaml');
  writeFileSync(
    configFile,
    `version: 1
stateDirectory: ${folder}/state
vcenter: { url: https://vc.example.com, username: u, password: env:P, tls: { caFile: /x } }
arrays: [{ id: "000197900046", unisphere: https://u.example.com:8443, username: u, password: env:P, tls: { caFile: /x } }]
proxy: { host: proxy }
jobs:
  nightly: { vms: [sql01], targetPool: P, freeze: none, grade: crash, exportDirectory: ${folder}/export }
`,
  );
  const call = (more: Partial<InstallCall> = {}) => ({
    configFile,
    isOwnConfig: true,
    product: 'avamar',
    job: 'nightly',
    settings: [`folder=${scripts}`],
    program: '/usr/bin/snaphook',
    system: undefined,
    dryRun: false,
    ...more,
  });
  return { folder, scripts, call, file: path.join(scripts, 'avamar-pre-nightly') };
};

test('files are written with their mode, a second install changes nothing, and uninstall takes them away', async () => {
  const { call, file, scripts } = place();

  const first = await installVerb(call());
  expect(first.text).toContain(`${file}  written, mode 0755`);
  expect(statSync(file).mode & 0o777).toBe(0o755);
  expect(readFileSync(file, 'utf8')).toContain('--job=nightly');
  const inode = statSync(file).ino;
  expect((await installVerb(call())).text).toContain(`${file}  is there already`);
  expect(statSync(file).ino).toBe(inode);

  const gone = await uninstallVerb(call());
  expect(gone.exitCode).toBe(0);
  expect(readdirSync(scripts)).toEqual([]);
  await expect(uninstallVerb(call())).rejects.toMatchObject({ code: 'E_USAGE' });
});

test('a dry run writes nothing and shows every file', async () => {
  const { call, file, folder } = place();

  const { text } = await installVerb(call({ dryRun: true }));

  expect(text).toContain(`File ${file}, mode 0755:`);
  expect(text).toContain('--integration=avamar');
  expect(existsSync(file)).toBe(false);
  expect(existsSync(path.join(folder, 'state'))).toBe(false);
});

test.each([
  ['a file of somebody else', (file: string) => writeFileSync(file, '#!/bin/sh\necho mine\n')],
  ['a link', (file: string) => symlinkSync('/etc/passwd', file)],
  ['a folder', (file: string) => mkdirSync(file)],
])('%s in the place of the second file is not overwritten, and the first is not written', async (_what, make) => {
  const { call, file, scripts } = place();
  make(path.join(scripts, 'avamar-post-nightly'));

  await expect(installVerb(call())).rejects.toMatchObject({ code: 'E_USAGE' });

  expect(existsSync(file)).toBe(false);
});

test('a hook that somebody changed since is neither overwritten nor taken away', async () => {
  const { call, file } = place();
  await installVerb(call());
  writeFileSync(file, '#!/bin/sh\n# mine now\n');

  await expect(installVerb(call())).rejects.toMatchObject({ code: 'E_USAGE' });
  expect(await uninstallVerb(call())).toMatchObject({ exitCode: 20, text: expect.stringContaining('was changed') });
  expect(readFileSync(file, 'utf8')).toContain('mine now');
});

test('a dry run of uninstall takes nothing away, and tells what is gone or changed already', async () => {
  const { call, file, scripts } = place();
  await installVerb(call());
  writeFileSync(file, '#!/bin/sh\n# mine now\n');
  rmSync(path.join(scripts, 'avamar-post-nightly'));

  const { exitCode, text } = await uninstallVerb(call({ dryRun: true }));

  expect([exitCode, text]).toEqual([
    20,
    expect.stringMatching(/pre-nightly {2}was changed.*\n.*post-nightly {2}was gone already\n$/),
  ]);
  expect(existsSync(file)).toBe(true);
});

test('what an earlier install wrote elsewhere is taken away by the next one', async () => {
  const { call, file, folder } = place();
  await installVerb(call());
  const other = path.join(folder, 'other');
  mkdirSync(other);

  await installVerb(call({ settings: [`folder=${other}`] }));

  expect(existsSync(file)).toBe(false);
  expect(readdirSync(other)).toHaveLength(2);
});

test('a mode that was changed is set right again', async () => {
  const { call, file } = place();
  await installVerb(call());
  chmodSync(file, 0o600);

  expect((await installVerb(call())).text).toContain(`${file}  written anew`);
  expect(statSync(file).mode & 0o777).toBe(0o755);
});

test('install ends with what to do where the product calls no post hook', async () => {
  const { call } = place();

  expect((await installVerb(call())).text).toMatch(/\* Do not count on a post hook of Dell Avamar.*snaphook reap.*\n$/);
});

describe('a program that sudo will run as root', () => {
  const bacula = { product: 'bacula', settings: ['director=here'] };

  test('is refused when somebody else could change it, and nothing is written', async () => {
    const { call, folder } = place();
    const program = path.join(folder, 'snaphook');
    writeFileSync(program, '#!/bin/sh\n');
    chmodSync(program, 0o777);

    await expect(installVerb(call({ ...bacula, program }))).rejects.toThrow(/writable for others than root/);
    expect(existsSync(path.join(folder, 'state'))).toBe(false);
  });

  test('is refused behind a link and in a folder of others, and taken where all is root’s', () => {
    const { folder } = place();
    const open = path.join(folder, 'open');
    mkdirSync(open);
    writeFileSync(path.join(open, 'snaphook'), '#!/bin/sh\n', { mode: 0o755 });
    chmodSync(open, 0o777);
    symlinkSync(path.join(open, 'snaphook'), path.join(folder, 'link'));

    expect(() => requireProgramOfRoot(path.join(open, 'snaphook'))).toThrow(/writable for others/);
    expect(() => requireProgramOfRoot(path.join(folder, 'link'))).toThrow(/writable for others/);
    // Of a file the sticky bit keeps nobody from writing.
    const sticky = path.join(folder, 'sticky');
    writeFileSync(sticky, '');
    chmodSync(sticky, 0o1777);
    expect(() => requireProgramOfRoot(sticky)).toThrow(/sticky", .* is writable for others/);
    expect(() => requireProgramOfRoot('/nowhere/snaphook')).toThrow(/is not there/);
    expect(() => requireProgramOfRoot('/bin/sh')).not.toThrow();
  });
});

describe('files that are written together', () => {
  const items = (folder: string, more: Partial<FileItem> = {}): readonly FileItem[] =>
    ['first', 'second'].map((name) => ({
      kind: 'file' as const,
      path: path.join(folder, name),
      mode: 0o755,
      content: `${name}\n`,
      ...(name === 'second' && more),
    }));

  test.each<[string, (folder: string) => Partial<FileItem>]>([
    ['has an owner who does not exist', () => ({ owner: 'nobody-of-this-name' })],
    ['has a folder that does not exist', () => ({ path: '/nowhere/at/all/second' })],
    ['has a name that is too long', (folder) => ({ path: path.join(folder, 'x'.repeat(256)) })],
  ])('leave nothing behind when the second one %s', (_what, changeIn) => {
    const { scripts } = place();

    expect(() => writeItems(items(scripts, changeIn(scripts)))).toThrow(expect.objectContaining({ code: 'E_USAGE' }));

    expect(readdirSync(scripts)).toEqual([]);
  });

  test('take away old drafts of an install that was killed, and nothing else', () => {
    const { scripts } = place();
    const left = (name: string, ageSeconds: number) => {
      const file = path.join(scripts, name);
      writeFileSync(file, '');
      const seconds = Date.now() / 1000 - ageSeconds;
      utimesSync(file, seconds, seconds);
    };
    left('.snaphook-new-0123456789abcdef', 7200);
    left('.snaphook-new-00000000000000aa', 60);
    left('.snaphook-new-of-mine', 7200);
    symlinkSync('/etc/passwd', path.join(scripts, '.snaphook-new-fedcba9876543210'));

    writeItems(items(scripts));

    expect(readdirSync(scripts).sort()).toEqual([
      '.snaphook-new-00000000000000aa',
      '.snaphook-new-fedcba9876543210',
      '.snaphook-new-of-mine',
      'first',
      'second',
    ]);
  });

  test('are ours to write again when somebody else owns one of them', () => {
    const [item] = items(place().scripts);
    if (!item) throw new Error('there are two');
    const record = {
      version: 1,
      integration: 'x',
      job: 'x',
      files: [{ path: item.path, sha256: sha256Of('first\n') }],
    } as const;
    writeItems([item]);
    const me = userInfo().username;
    // Whoever runs this cannot be both.
    const other = me === 'nobody' ? 'root' : 'nobody';

    expect(stateOf({ ...item, owner: me }, { ...record, files: [...record.files] })).toBe('unchanged');
    expect(stateOf({ ...item, owner: other }, { ...record, files: [...record.files] })).toBe('ours');
  });
});

test('a record of files that could not be written is not kept', async () => {
  const { call } = place();

  // A folder that takes no files, not even root's.
  await expect(installVerb(call({ settings: ['folder=/proc'] }))).rejects.toThrow(/cannot be written/);

  await expect(uninstallVerb(call())).rejects.toThrow(/nothing of --integration "avamar" is installed/);
});

test.each<[Partial<InstallCall>, RegExp]>([
  [{ job: 'nihgtly' }, /no job "nihgtly"/],
  [{ settings: ['fodler=/x'] }, /fodler/],
  [{ settings: ['folder'] }, /"folder"/],
  [{ settings: ['folder=/nowhere/at/all'] }, /does not exist here/],
  [{ settings: ['folder=scripts'] }, /the hook file "scripts\/avamar-pre-nightly" is no absolute path/],
  [{ program: './snaphook' }, /"\.\/snaphook" is no absolute path on linux/],
  [{ system: 'windows', dryRun: true, program: undefined }, /need --program/],
  [{ system: 'windows', dryRun: true }, /"\/usr\/bin\/snaphook" is no absolute path on windows/],
  [{ system: 'windows', dryRun: true, program: 'C:\\snaphook.exe' }, /--config .* is no absolute path on windows/],
  [{ settings: ['limitSeconds=10min'] }, /limitSeconds "10min" is not a whole number/],
])('%j is refused', async (more, message) => {
  const { call } = place();

  await expect(installVerb(call(more))).rejects.toMatchObject({
    code: 'E_USAGE',
    message: expect.stringMatching(message),
  });
});
