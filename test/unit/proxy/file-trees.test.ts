import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { linuxFileTrees } from '../../../src/proxy/linux/file-trees.ts';
import { failure } from '../../failure.ts';

const never = new AbortController().signal;
const quiet = () => undefined;
const MIB = 1024 * 1024;

const newFolder = () => realpathSync(mkdtempSync(path.join(tmpdir(), 'file-trees-')));

/** A root with `etc/app`, and in it something of every kind. */
function source(): string {
  const root = newFolder();
  const app = path.join(root, 'etc/app');
  mkdirSync(path.join(app, 'conf.d'), { recursive: true });
  writeFileSync(path.join(app, 'main.conf'), 'listen 80\n');
  linkSync(path.join(app, 'main.conf'), path.join(app, 'same.conf'));
  writeFileSync(path.join(app, 'conf.d/holes'), 'x');
  truncateSync(path.join(app, 'conf.d/holes'), 8 * MIB);
  writeFileSync(Buffer.concat([Buffer.from(`${app}/`), Buffer.from([0xff, 0x0a, 0x27])]), 'no text');
  symlinkSync('/etc/passwd', path.join(app, 'passwd'));
  symlinkSync('etc', path.join(root, 'link'));
  execFileSync('mkfifo', [path.join(app, 'pipe')]);
  chmodSync(path.join(app, 'main.conf'), 0o4751);
  utimesSync(path.join(app, 'main.conf'), 1_000_000_000, 1_000_000_000);
  utimesSync(path.join(app, 'conf.d'), 1_100_000_000, 1_100_000_000);
  chmodSync(path.join(app, 'conf.d'), 0o555);
  return root;
}

test('a folder is copied with contents, modes, times, holes, hard links and names that are no text; links stay links, pipes are left out', async () => {
  const root = source();
  const place = { root, names: ['etc', 'app'] };
  const into = path.join(newFolder(), 'files');

  const looked = await linuxFileTrees.look(place, never);
  expect(await linuxFileTrees.copy(place, into, quiet, never)).toEqual(looked);

  expect(looked).toMatchObject({ files: 4, folders: 2, links: 1, specials: 1, sizeBytes: 8 * MIB + 27 });
  expect(looked.entries.slice(0, 3)).toEqual([
    { path: '', kind: 'folder', sizeBytes: 0 },
    { path: 'conf.d', kind: 'folder', sizeBytes: 0 },
    { path: 'conf.d/holes', kind: 'file', sizeBytes: 8 * MIB },
  ]);
  const of = (name: string) => lstatSync(path.join(into, 'app', name));
  expect(readdirSync(path.join(into, 'app'), { encoding: 'buffer' })).toContainEqual(Buffer.from([0xff, 0x0a, 0x27]));
  expect(readFileSync(path.join(into, 'app/main.conf'), 'utf8')).toBe('listen 80\n');
  expect(of('main.conf')).toMatchObject({ mode: 0o104751, mtimeMs: 1_000_000_000_000, nlink: 2 });
  expect(of('same.conf').ino).toBe(of('main.conf').ino);
  expect(of('conf.d')).toMatchObject({ mode: 0o40555, mtimeMs: 1_100_000_000_000 });
  expect(readFileSync(path.join(into, 'app/conf.d/holes')).equals(readFileSync(`${root}/etc/app/conf.d/holes`))).toBe(
    true,
  );
  expect(of('conf.d/holes').blocks * 512).toBeLessThan(MIB);
  expect(readlinkSync(path.join(into, 'app/passwd'))).toBe('/etc/passwd');
  expect(readdirSync(path.join(into, 'app'))).not.toContain('pipe');
});

test('of a root what is in it is copied, into a folder that stays of this account alone', async () => {
  const root = source();
  chmodSync(root, 0o777);
  const into = path.join(newFolder(), 'files');

  await linuxFileTrees.copy({ root, names: [] }, into, quiet, never);

  expect(readdirSync(into).sort()).toEqual(['etc', 'link']);
  expect(lstatSync(into).mode & 0o777).toBe(0o700);
});

test('no link on the way is followed, and what is not there is told', async () => {
  const root = source();
  const look = (...names: readonly string[]) => failure(linuxFileTrees.look({ root, names }, never));

  expect(await look('link', 'app')).toMatchObject({ code: 'E_RESTORE', message: expect.stringContaining('"/link"') });
  expect(await look('etc', 'app', 'passwd', 'x')).toMatchObject({ code: 'E_RESTORE' });
  expect(await look('etc', 'ap')).toMatchObject({ code: 'E_RESTORE', message: expect.stringContaining('"/etc/ap"') });
  expect(await linuxFileTrees.look({ root, names: ['etc', 'app', 'passwd'] }, never)).toMatchObject({ links: 1 });
});

test.each([[['..', 'host']], [['etc', '..', '..', 'host']], [['../host']], [['.', 'etc']], [['', 'etc']], [['etc\0']]])(
  'names that do not lead down, %j, are neither looked at nor copied',
  async (names) => {
    const folder = newFolder();
    const root = path.join(folder, 'root');
    mkdirSync(path.join(root, 'etc'), { recursive: true });
    writeFileSync(path.join(folder, 'host'), 'of the proxy');
    const into = path.join(folder, 'into');
    const refusal = { code: 'E_RESTORE', message: expect.stringContaining('does not lead down') };

    expect(await failure(linuxFileTrees.look({ root, names }, never))).toMatchObject(refusal);
    expect(await failure(linuxFileTrees.copy({ root, names }, into, quiet, never))).toMatchObject(refusal);
    expect(readdirSync(folder).sort()).toEqual(['host', 'root']);
  },
);

test('nothing is overwritten, no link leads to the destination, and nobody else can put one on the way', async () => {
  const folder = newFolder();
  const check = (name: string) => linuxFileTrees.checkDestination(path.join(folder, name));
  mkdirSync(path.join(folder, 'empty'));
  mkdirSync(path.join(folder, 'full/x'), { recursive: true });
  mkdirSync(path.join(folder, 'open'));
  mkdirSync(path.join(folder, 'open/own'));
  chmodSync(path.join(folder, 'open'), 0o777);
  symlinkSync('empty', path.join(folder, 'link'));
  writeFileSync(path.join(folder, 'file'), '');

  await check('new');
  await check('empty');
  for (const name of ['full', 'open', 'link', 'file', 'link/new', 'missing/new', 'open/new', 'open/own/new']) {
    expect([name, await failure(check(name))]).toEqual([name, expect.objectContaining({ code: 'E_RESTORE' })]);
  }
});

test('what was copied appears under its name whole; a work folder goes with all in it, and one that is not ours stays', async () => {
  const folder = newFolder();
  const work = path.join(folder, 'work');
  const to = path.join(folder, 'to');
  await linuxFileTrees.makeWorkFolder(work);
  expect(await failure(linuxFileTrees.makeWorkFolder(work))).toMatchObject({ code: 'E_RESTORE' });
  mkdirSync(path.join(work, 'files'));
  writeFileSync(path.join(work, 'files/a'), 'a');
  mkdirSync(to);

  await linuxFileTrees.publish(path.join(work, 'files'), to);
  await linuxFileTrees.removeWorkFolder(work);
  await linuxFileTrees.removeWorkFolder(work);

  expect(readdirSync(folder)).toEqual(['to']);
  expect(readFileSync(path.join(to, 'a'), 'utf8')).toBe('a');
  chmodSync(to, 0o755);
  expect(await failure(linuxFileTrees.removeWorkFolder(to))).toMatchObject({ code: 'E_PROXY' });
  expect(readdirSync(to)).toEqual(['a']);
});
