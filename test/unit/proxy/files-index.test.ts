import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { compareFilesIndex, type TreeDifference } from '../../../src/proxy/linux/compare-files-index.ts';
import { writeFilesIndex } from '../../../src/proxy/linux/write-files-index.ts';
import { failure } from '../../failure.ts';

const never = new AbortController().signal;
const quiet = () => undefined;
const INDEX = 'snaphook-files.list';
/** In another order than their names have in the index. */
const VOLUMES = ['vm/hard-disk-1/part2', 'vm/hard-disk-1/part1'];

const newFolder = () => realpathSync(mkdtempSync(path.join(tmpdir(), 'files-index-')));
const at = (root: string, name: string) => path.join(root, 'vm/hard-disk-1', name);
const noText = (root: string) => Buffer.concat([Buffer.from(at(root, 'part1/')), Buffer.from([0xff, 0x0a, 0x25])]);

/** Names whose order is another where `/` is a byte like others, and one that is no text. */
function tree(): string {
  const root = newFolder();
  mkdirSync(at(root, 'part1/a/b'), { recursive: true });
  mkdirSync(at(root, 'part2'));
  for (const name of [
    'part1/a/b/deep',
    'part1/a/z',
    'part1/a.b',
    'part1/a-b',
    'part1/b',
    'part2/with blank',
    'part2/%41',
  ])
    writeFileSync(at(root, name), `content of ${name}`);
  writeFileSync(noText(root), 'no text');
  writeFileSync(at(root, 'part1/empty'), '');
  symlinkSync('../somewhere/%', at(root, 'part1/link'));
  execFileSync('mkfifo', [at(root, 'part1/pipe')]);
  return root;
}

const b2sum = (file: string) => createHash('blake2b512').update(readFileSync(file)).digest('hex');

const write = (root: string) => writeFilesIndex(root, { path: INDEX, volumes: VOLUMES }, quiet, never);

async function differences(root: string, file = path.join(root, INDEX)): Promise<readonly TreeDifference[]> {
  const found: TreeDifference[] = [];
  await compareFilesIndex(root, { file, volumes: VOLUMES }, (one) => found.push(one), quiet, never);
  return found;
}

test('an index has everything but pipes with size and hash, and a tree that was restored elsewhere compares equal to it', async () => {
  const root = tree();
  const read: number[] = [];

  const index = await writeFilesIndex(root, { path: INDEX, volumes: VOLUMES }, (bytes) => read.push(bytes), never);

  const text = readFileSync(path.join(root, INDEX));
  const hash = b2sum(path.join(root, INDEX));
  expect(index).toEqual({ path: INDEX, sizeBytes: text.length, blake2b: hash, entries: 14 });
  const lines = text.toString('latin1').split('\n');
  const deep = b2sum(at(root, 'part1/a/b/deep'));
  expect(lines).toContainEqual(expect.stringMatching(`^file\t25\t\\d+\t${deep}\tvm/hard-disk-1/part1/a/b/deep$`));
  expect(lines).toContainEqual(
    expect.stringMatching(/^link\t-\t\d+\t\.\.\/somewhere\/%25\tvm\/hard-disk-1\/part1\/link$/),
  );
  expect(lines).toContainEqual(expect.stringMatching(/\tvm\/hard-disk-1\/part1\/%ff%0a%25$/));
  expect(read.at(-1)).toBe(157);
  const restored = newFolder();
  execFileSync('cp', ['-a', path.join(root, 'vm'), restored]);
  expect(await differences(restored, path.join(root, INDEX))).toEqual([]);
});

test('what is missing, changed, of another kind or not handed over is told by name, and nothing else is', async () => {
  const root = tree();
  await write(root);
  rmSync(at(root, 'part1/a/b'), { recursive: true });
  writeFileSync(at(root, 'part1/a.b'), 'CONTENT of part1/a.b');
  writeFileSync(at(root, 'part1/a-b'), 'longer than it was by far');
  rmSync(at(root, 'part1/b'));
  mkdirSync(at(root, 'part1/b'));
  rmSync(at(root, 'part1/link'));
  symlinkSync('/etc/passwd', at(root, 'part1/link'));
  writeFileSync(at(root, 'part1/a/new'), '');
  writeFileSync(at(root, 'part2/zz'), '');
  writeFileSync(at(root, 'beside'), '');

  const found = await differences(root);

  const prefix = 'vm/hard-disk-1/';
  expect(found.map(({ kind, path: name, why }) => [kind, name.slice(prefix.length), why])).toEqual([
    ['missing', 'part1/a/b', undefined],
    ['missing', 'part1/a/b/deep', undefined],
    ['extra', 'part1/a/new', undefined],
    ['changed', 'part1/a-b', 'it has 25 bytes, and had 20'],
    ['changed', 'part1/a.b', 'its content is another'],
    ['changed', 'part1/b', 'it is a folder, and was a file'],
    ['changed', 'part1/link', 'it leads elsewhere'],
    ['extra', 'part2/zz', undefined],
  ]);
});

test('a volume that was not restored is missing, and one whose folder is a link is not looked into', async () => {
  const root = tree();
  await write(root);
  renameSync(at(root, 'part2'), at(root, 'elsewhere'));
  expect((await differences(root)).map(({ kind }) => kind)).toEqual(['missing', 'missing', 'missing']);

  symlinkSync('elsewhere', at(root, 'part2'));
  expect(await failure(differences(root))).toMatchObject({
    code: 'E_VERIFY',
    message: expect.stringContaining('is a link'),
  });

  rmSync(at(root, 'part2'));
  renameSync(at(root, 'elsewhere'), at(root, 'part2'));
  renameSync(path.join(root, 'vm'), path.join(root, 'other'));
  symlinkSync('other', path.join(root, 'vm'));
  expect(await failure(differences(root))).toMatchObject({ code: 'E_VERIFY' });
});

test('a file that became a link to a file of the same content is changed', async () => {
  const root = tree();
  await write(root);
  renameSync(at(root, 'part1/a.b'), path.join(root, 'outside'));
  symlinkSync('../../../outside', at(root, 'part1/a.b'));

  expect(await differences(root)).toMatchObject([{ kind: 'changed', why: 'it is a link, and was a file' }]);
});

const HASH = '0'.repeat(128);
test.each([
  ['nothing', ''],
  ['another head', 'snaphook files 2\n'],
  ['a path that leads up', `snaphook files 1\nfile\t1\t1\t${HASH}\tvm/hard-disk-1/part1/../../../x\n`],
  ['a path from the root of this machine', `snaphook files 1\nfile\t1\t1\t${HASH}\t/etc/passwd\n`],
  ['a path beside the volumes', `snaphook files 1\nfile\t1\t1\t${HASH}\tvm/hard-disk-1/part10\n`],
  ['a path that leads up by an escaped word', `snaphook files 1\nfile\t1\t1\t${HASH}\tvm/hard-disk-1/part1/%2e%2e/x\n`],
  ['a name with a zero', `snaphook files 1\nfile\t1\t1\t${HASH}\tvm/hard-disk-1/part1/%00\n`],
  ['a name twice', `snaphook files 1\n${'folder\t-\t1\t-\tvm/hard-disk-1/part1\n'.repeat(2)}`],
  [
    'names out of order',
    'snaphook files 1\nfolder\t-\t1\t-\tvm/hard-disk-1/part1/b\nfolder\t-\t1\t-\tvm/hard-disk-1/part1/a\n',
  ],
  ['a file without a hash', 'snaphook files 1\nfile\t1\t1\t-\tvm/hard-disk-1/part1/a\n'],
  ['a kind that nobody knows', 'snaphook files 1\npipe\t-\t1\t-\tvm/hard-disk-1/part1/a\n'],
  ['a line without end', `snaphook files 1\n${'x'.repeat(1_000_000)}`],
])('an index with %s is refused', async (_, text) => {
  const root = tree();
  writeFileSync(path.join(root, INDEX), text);

  expect(await failure(differences(root))).toMatchObject({
    code: 'E_VERIFY',
    message: expect.stringContaining('no index of files'),
  });
});

test('folders that are nested too deep for the system are told by their place', async () => {
  const root = tree();
  const [upper, lower] = ['u', 'l'].map((letter) => Array(10).fill(letter.repeat(250)).join('/'));
  mkdirSync(at(root, `part1/${upper}`), { recursive: true });
  mkdirSync(path.join(root, `${lower}`), { recursive: true });
  const [topOfLower, joint] = [path.join(root, 'l'.repeat(250)), at(root, `part1/${upper}/l`)];
  renameSync(topOfLower, joint);
  try {
    const error = await failure(write(root));

    expect(error).toMatchObject({ code: 'E_VERIFY', hint: expect.stringContaining('nest folders') });
    expect(error).toMatchObject({
      message: `in "${at(root, 'part1')}" folders are nested too deep for this machine: "${'u'.repeat(200)}" and on`,
    });
  } finally {
    // As deep as that, nothing could remove it by its path.
    renameSync(joint, topOfLower);
  }
});

test('an index that could not be finished is not there, nor a half of it', async () => {
  const root = tree();
  const stop = new AbortController();
  const reading = writeFilesIndex(
    root,
    { path: INDEX, volumes: VOLUMES },
    () => stop.abort(new Error('late')),
    stop.signal,
  );

  expect(await failure(reading)).toMatchObject({ message: 'late' });
  expect(readdirSync(root)).toEqual(['vm']);

  rmSync(at(root, 'part2'), { recursive: true });
  expect(await failure(write(root))).toMatchObject({ code: 'E_VERIFY', message: expect.stringContaining('part2') });
  expect(existsSync(path.join(root, INDEX))).toBe(false);
});
