import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { RELEASE, run } from '../release.ts';

const PROGRAM = path.join(RELEASE, 'snaphook');
const DEB = path.join(RELEASE, `snaphook_${__VERSION__}_amd64.deb`);
const newFolder = () => mkdtempSync(path.join(tmpdir(), 'program-'));
const noConfig = ['--config', '/nonexistent/snaphook.yaml'];
const asRoot = process.getuid?.() === 0 ? test : test.skip;
/** Where compilers for all guests are there. */
const withHelpers = process.env.SNAPHOOK_WITHOUT_HELPERS ? test.skip : test;
const HELPERS = [
  'snaphook-freeze',
  ...['x64', 'x86'].flatMap((arch) =>
    ['snaphook-vss.exe', 'snaphook-vss-provider.dll'].map((name) => `guest/windows-${arch}/${name}`),
  ),
  ...['x64', 'x86'].flatMap((arch) =>
    ['postgresql', 'mysql', 'mariadb', 'mongodb'].map((name) => `guest/windows-${arch}/plug-ins/${name}.exe`),
  ),
];

test('the program says its version and its verbs with no environment at all', async () => {
  expect(await run(PROGRAM, ['--version'])).toEqual({ exitCode: 0, stdout: `${__VERSION__}\n`, stderr: '' });
  const help = await run(PROGRAM, ['--help']);
  expect(help).toMatchObject({ exitCode: 0, stderr: '' });
  expect(help.stdout).toContain('snaphook plan');
});

test('called by the name of a hook, through a link or by argv[0], it is the hook', async () => {
  const folder = newFolder();
  for (const hook of ['pre-backup', 'post-backup']) {
    const link = path.join(folder, hook);
    symlinkSync(PROGRAM, link);
    for (const ended of [await run(link, ['--help']), await run(PROGRAM, ['--help'], { argv0: hook })]) {
      expect(ended).toMatchObject({ exitCode: 0, stderr: '' });
      expect(ended.stdout).toContain(`Usage: ${hook} --job NAME`);
    }
  }
});

test('verbs and hooks start with their folder gone, stdin closed and a umask that denies all', async () => {
  const hostile = 'cd "$1" && rmdir "$1" && umask 0777 && shift && exec "$@" <&-';
  const link = path.join(newFolder(), 'pre-backup');
  symlinkSync(PROGRAM, link);
  for (const call of [[PROGRAM, 'pre'], [link]]) {
    const words = ['-c', hostile, 'sh', newFolder(), ...call, '--job', 'none', ...noConfig];
    const ended = await run('/bin/sh', words);
    expect(ended).toMatchObject({ exitCode: 10, stdout: '' });
    expect(ended.stderr).toContain('[E_CONFIG]');
  }
});

test("a caller's NODE_OPTIONS change nothing", async () => {
  const env = { NODE_OPTIONS: '--require=/nonexistent/module.js' };
  const ended = await run(PROGRAM, ['status', ...noConfig], { env });
  expect(ended.exitCode).toBe(10);
  expect(ended.stderr).not.toContain('module.js');
});

test('verbs are completed by the program itself', async () => {
  const { stdout } = await run(PROGRAM, ['--get-yargs-completions', 'snaphook', 'pl']);
  expect(stdout.split('\n')).toContain('plan');
  expect(readFileSync(path.join(RELEASE, 'snaphook.bash'), 'utf8')).toContain('snaphook --get-yargs-completions');
});

/** Where hyperfine is there. */
const withHyperfine = process.env.SNAPHOOK_WITHOUT_HYPERFINE ? test.skip : test;

withHyperfine(
  'release notes have each file with its size, and end by whether the goal of the start-up is met',
  async () => {
    const program = path.join(__dirname, '../../../packaging/release-notes.mjs');
    const words = [program, '--no-rebuild', '--release'];
    const env = { PATH: process.env.PATH ?? '', TMPDIR: tmpdir() };
    const { exitCode, stdout } = await run(process.execPath, [...words, RELEASE], { env });

    const [, , rows = ''] = /## Sizes\n\n(\|.*\n){2}((?:\|.*\n)+)/.exec(stdout) ?? [];
    const sizes = rows
      .trimEnd()
      .split('\n')
      .map((row) => /^\| `(.+)` \| (\d+) \|/.exec(row)?.slice(1) ?? []);
    expect(sizes.map(([file]) => file)).toEqual(expect.arrayContaining(['snaphook', 'SHA256SUMS', 'LICENSE']));
    for (const [file = '', bytes] of sizes)
      expect([file, bytes]).toEqual([file, `${statSync(path.join(RELEASE, file)).size}`]);
    const [, ratio = ''] = /\| `snaphook --version` \| [\d.]+ \| ([\d.]+) \|/.exec(stdout) ?? [];
    expect(Number(ratio)).toBeGreaterThan(0);
    expect([exitCode, /`node -e 0`: (met|missed)\./.exec(stdout)?.[1]]).toEqual(
      Number(ratio) <= 1.3 ? [0, 'met'] : [1, 'missed'],
    );
    expect(stdout).toContain('Not looked at.');
    expect((await run(process.execPath, [...words, newFolder()], { env })).exitCode).toBe(2);
  },
);

test('every file of the release has its checksum', async () => {
  const sums = readFileSync(path.join(RELEASE, 'SHA256SUMS'), 'utf8').trimEnd().split('\n');
  const entries = readdirSync(RELEASE, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const all = entries.map(({ parentPath, name }) => path.relative(RELEASE, path.join(parentPath, name)));
  const files = all.filter((file) => file !== 'SHA256SUMS');
  expect(sums.map((line) => line.slice(66))).toEqual(files.sort());
  const checked = await run('/usr/bin/sha256sum', ['--check', '--quiet', 'SHA256SUMS'], { cwd: RELEASE });
  expect(checked).toEqual({ exitCode: 0, stdout: '', stderr: '' });
});

test('the list of parts names each package, and Node with what it contains', () => {
  const { components } = JSON.parse(readFileSync(path.join(RELEASE, 'sbom.cdx.json'), 'utf8'));
  const names = components.map(({ name }: { readonly name: string }) => name);
  expect(names).toEqual(expect.arrayContaining(['yargs', 'soap', 'ssh2', 'wa-sqlite', 'node', 'openssl', 'v8']));
  expect(names).not.toContain('jest');
  const licences = readFileSync(path.join(RELEASE, 'THIRD-PARTY-LICENSES.txt'), 'utf8');
  for (const { name, version, licenses } of components.filter(({ purl }: { readonly purl?: string }) =>
    purl?.startsWith('pkg:npm/'),
  ))
    expect(licences).toContain(`${name} ${version}: ${licenses[0].expression}`);
});

interface Component {
  readonly name: string;
  readonly version?: string;
  readonly purl?: string;
  readonly licenses?: readonly object[];
  readonly properties?: readonly { readonly name: string; readonly value: string }[];
}

withHelpers(
  'the helpers of guests are in it, and the list of parts has what is linked into them, with its licence texts',
  () => {
    const { components }: { components: readonly Component[] } = JSON.parse(
      readFileSync(path.join(RELEASE, 'sbom.cdx.json'), 'utf8'),
    );
    const licences = readFileSync(path.join(RELEASE, 'THIRD-PARTY-LICENSES.txt'), 'utf8');
    const said = ({ properties = [] }: Component, name: string) =>
      properties.find((property) => property.name === `snaphook:${name}`)?.value ?? '';
    const partsOf = (file: string) => components.filter((part) => said(part, 'linked into').split(', ').includes(file));

    for (const file of HELPERS) {
      expect([file, statSync(path.join(RELEASE, file)).size > 10_000]).toEqual([file, true]);
      const names = partsOf(file).map(({ name }) => name);
      expect([file, names]).toEqual([file, expect.arrayContaining([expect.stringMatching(/gcc/)])]);
      const runtime = file === 'snaphook-freeze' ? /^(libc6-dev|musl-dev)$/ : /^mingw-w64-/;
      expect([file, names]).toEqual([file, expect.arrayContaining([expect.stringMatching(runtime)])]);
      for (const part of partsOf(file)) {
        expect(part).toMatchObject({ version: expect.any(String), purl: expect.stringContaining('pkg:deb/debian/') });
        expect(part.licenses ?? said(part, 'licences')).not.toHaveLength(0);
        expect(licences).toContain(`${part.name} ${part.version}, linked into `);
      }
    }
    expect(licences).toMatch(/GNU LESSER GENERAL PUBLIC LICENSE/);
    expect(licences).toMatch(/GCC RUNTIME LIBRARY EXCEPTION|GCC Runtime Library Exception/);
  },
);

test('the manual page has every verb and exit code', () => {
  const page = readFileSync(path.join(RELEASE, 'snaphook.1'), 'utf8');
  for (const part of [
    '.B snaphook pre\n',
    '.B snaphook reap\n',
    '.B \\-\\-config\n',
    '13 preflight',
    'SNAPHOOK_RUN_ID',
  ])
    expect(page).toContain(part);
});

test('the .deb brings program, hooks, manual, completion and an example, all of them owned by root', async () => {
  const { exitCode, stdout } = await run('/usr/bin/dpkg-deb', ['--contents', DEB], { env: { PATH: '/usr/bin:/bin' } });
  expect(exitCode).toBe(0);
  const lines = stdout.trimEnd().split('\n');
  for (const line of lines) expect(line).toMatch(/^(drwxr-xr-x|-rwxr-xr-x|-rw-r--r--|lrwxrwxrwx) root\/root /);
  for (const file of [
    'usr/bin/snaphook',
    'usr/lib/snaphook/pre-backup -> ../../bin/snaphook',
    'usr/lib/snaphook/post-backup -> ../../bin/snaphook',
    'usr/share/man/man1/snaphook.1.gz',
    'usr/share/bash-completion/completions/snaphook',
    'usr/share/doc/snaphook/examples/snaphook.yaml',
  ])
    expect(lines.filter((line) => line.endsWith(` ./${file}`))).toHaveLength(1);
});

test('in the .deb the pages of the documentation are there, and lead to each other', async () => {
  const folder = newFolder();
  const env = { PATH: '/usr/bin:/bin' };
  expect(await run('/usr/bin/dpkg-deb', ['--extract', DEB, folder], { env })).toMatchObject({ exitCode: 0 });
  const doc = path.join(folder, 'usr/share/doc/snaphook');
  const pages = readdirSync(doc, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.md'));
  expect(pages).toEqual(expect.arrayContaining(['README.md', 'docs/packaging.md', 'integrations/bacula/README.md']));
  const dead = pages.flatMap((page) =>
    [...readFileSync(path.join(doc, page), 'utf8').matchAll(/\]\(([^)#\s:]+)(?:#[^)]*)?\)/g)]
      .map(([, link = '']) => path.join(path.dirname(page), link))
      // Sources are not in it.
      .filter((file) => !file.startsWith('src/') && !existsSync(path.join(doc, file))),
  );
  expect(dead).toEqual([]);
});

/** The libraries that a program names, as absolute paths. */
async function librariesOf(program: string): Promise<readonly string[]> {
  const { stdout } = await run('/usr/bin/ldd', [program], { env: { PATH: '/usr/bin:/bin' } });
  return [...stdout.matchAll(/(\/\S+) \(0x/g)].map(([, file]) => file ?? '');
}

asRoot('from its .deb alone, on a machine that has only tar and libraries, it runs the whole demo', async () => {
  const machine = newFolder();
  const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' };
  expect(await run('/usr/bin/dpkg-deb', ['--extract', DEB, machine], { env })).toMatchObject({ exitCode: 0 });
  for (const file of ['/bin/tar', ...(await librariesOf(PROGRAM)), ...(await librariesOf('/bin/tar'))]) {
    mkdirSync(path.dirname(path.join(machine, file)), { recursive: true });
    copyFileSync(file, path.join(machine, file));
  }
  for (const folder of ['proc', 'dev', 'tmp']) mkdirSync(path.join(machine, folder));
  const enter =
    'mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev" && exec chroot "$1" /usr/bin/snaphook demo --json <&-';
  const inside = ['--mount', '--propagation', 'private', '/bin/sh', '-c', enter, 'sh', machine];
  const ended = await run('/usr/bin/unshare', inside, { env });
  expect(ended).toMatchObject({ exitCode: 0 });
  expect(JSON.parse(ended.stdout)).toMatchObject({ schema: 'snaphook/demo', ok: true });
  expect(readdirSync(path.join(machine, 'tmp'))).toEqual([]);
});
