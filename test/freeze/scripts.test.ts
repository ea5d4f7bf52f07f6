import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import {
  fileSystemLine,
  frozenHelper,
  HelperProcess,
  hasRecord,
  prepareLine,
  readyHelper,
  type Terms,
  toldReady,
} from './helper-process.ts';
import { type LoopDisk, makeDisk, removeDisks } from './loop-disk.ts';
import { must } from './programs.ts';
import { helperProgram, safeFolder } from './stage.ts';
import { until } from './until.ts';

let disk: LoopDisk;
let scripts: string;
let calls: string;

beforeAll(() => {
  disk = makeDisk('ext4');
});

beforeEach(() => {
  const place = mkdtempSync(path.join(safeFolder, 'scripts-'));
  scripts = path.join(place, 'scripts.d');
  calls = path.join(place, 'calls');
  chmodSync(place, 0o755);
  mkdirSync(scripts, { mode: 0o755 });
  writeFileSync(calls, '');
});

afterEach(() => HelperProcess.killAll());
afterAll(removeDisks);

/** A script that notes its call and then does this. */
function add(name: string, commands = ''): string {
  const file = path.join(scripts, name);
  writeFileSync(file, `#!/bin/sh\necho "${name} $*" >>${calls}\n${commands}\n`);
  chmodSync(file, 0o755);
  return file;
}

const noted = (): string[] => readFileSync(calls, 'utf8').split('\n').slice(0, -1);
const terms = (more: Terms = {}): Terms => ({ scripts, ...more });
const result = (name: string, phase: string, exitCode: number, output = '') => ({
  kind: 'script',
  name,
  phase,
  exitCode,
  output,
});

test('scripts run in the order of their bytes with freeze, and in reverse with thaw after a release', async () => {
  add('20-b');
  add('100-a', 'echo quiet');
  add('30-c', 'echo to-err >&2');
  const { helper, ready } = await frozenHelper([disk], terms());
  expect(ready.scripts).toEqual([
    result('100-a', 'freeze', 0, 'quiet\n'),
    result('20-b', 'freeze', 0),
    result('30-c', 'freeze', 0, 'to-err\n'),
  ]);
  expect(noted()).toEqual(['100-a freeze', '20-b freeze', '30-c freeze']);
  helper.say('T');
  await helper.expect('thawed');
  const { scripts: told } = await helper.expect('finished');
  expect(told.map(({ name, phase }) => `${name} ${phase}`)).toEqual(['30-c thaw', '20-b thaw', '100-a thaw']);
  expect(noted().slice(3)).toEqual(['30-c thaw', '20-b thaw', '100-a thaw']);
});

test('after an expired lease they are told freezeFail', async () => {
  add('1');
  const { helper } = await frozenHelper([disk], terms({ leaseMs: 100 }));
  await helper.expect('expired');
  expect(await helper.expect('finished')).toMatchObject({ scripts: [result('1', 'freezeFail', 0)] });
});

test('a script that fails stops the rest; those that ran are told freezeFail, itself first; nothing is frozen', async () => {
  add('1');
  const bad = add('2', '[ $1 != freeze ] || { echo no; exit 3; }');
  add('3');
  const { helper, hello } = await toldReady([disk], terms());
  expect(await helper.expect('failed')).toMatchObject({
    object: bad,
    scripts: [
      result('1', 'freeze', 0),
      result('2', 'freeze', 3, 'no\n'),
      result('2', 'freezeFail', 0),
      result('1', 'freezeFail', 0),
    ],
  });
  expect(noted()).toEqual(['1 freeze', '2 freeze', '2 freezeFail', '1 freezeFail']);
  expect(hasRecord(hello.token)).toBe(false);
});

test('as many scripts as there may be are all told the end when the last one fails', async () => {
  const names = Array.from({ length: 64 }, (_, index) => String(100 + index));
  for (const name of names) add(name, name === '163' ? '[ $1 != freeze ]' : '');
  const { helper } = await toldReady([disk], terms({ scriptMs: 20_000 }));
  const { scripts: told } = await helper.expect('failed');
  expect(told.map(({ name, phase }) => `${name} ${phase}`)).toEqual([
    ...names.map((name) => `${name} freeze`),
    ...names.toReversed().map((name) => `${name} freezeFail`),
  ]);
});

test('all scripts of a phase share one time; the one that is late is ended with its whole group', async () => {
  add('1', 'sleep 0.3');
  add(
    '2',
    `[ $1 != freeze ] || { trap '' TERM; sh -c "trap '' TERM; sleep 30; echo late >>${calls}" & wait; sleep 30; }`,
  );
  const beginMs = performance.now();
  const { helper } = await toldReady([disk], terms({ scriptMs: 600 }));
  expect(await helper.expect('failed')).toMatchObject({
    scripts: [
      result('1', 'freeze', 0),
      result('2', 'freeze', -1),
      result('2', 'freezeFail', 0),
      result('1', 'freezeFail', 0),
    ],
  });
  expect(performance.now() - beginMs).toBeLessThan(6000);
  expect(noted()).not.toContain('late');
});

test('of what a script says the last 2000 bytes are kept, and other bytes than ASCII become question marks', async () => {
  add('1', "head -c 300000 /dev/zero | tr '\\0' x; printf 'end \\303\\274\\000\\n'");
  const { ready } = await readyHelper([disk], terms());
  const output = ready.scripts[0]?.output ?? '';
  expect(output).toHaveLength(2000);
  expect(output).toMatch(/^x+end \?\?\?\n$/);
});

test('a script that never stops talking is ended in time', async () => {
  add('1', '[ $1 != freeze ] || exec yes');
  const { helper } = await toldReady([disk], terms({ scriptMs: 300 }));
  expect(await helper.expect('failed')).toMatchObject({ scripts: [{ exitCode: -1 }, { phase: 'freezeFail' }] });
});

test('a script gets an empty input, a small environment, a group of its own and no descriptor of the helper', async () => {
  add('1', 'cat; env | sort; ls -l /proc/$$/fd | sed "s/.*-> //" | tail -n +2; cut -d" " -f1,5 /proc/$$/stat');
  const { ready } = await readyHelper([disk], terms());
  const lines = (ready.scripts[0]?.output ?? '').split('\n');
  expect(lines.filter((line) => /^[A-Z_]+=/.test(line)).map((line) => line.split('=')[0])).toEqual([
    'LANG',
    'PATH',
    'PWD',
  ]);
  expect(lines.filter((line) => /^(socket|anon_inode)/.test(line) || line === disk.mountPoint)).toEqual([]);
  const [pid, group] = lines.at(-2)?.split(' ') ?? [];
  expect(group).toBe(pid);
});

test.each([
  ['belongs to somebody else', (file: string) => chownSync(file, 1, 0)],
  ['is writable by the group', (file: string) => chmodSync(file, 0o775)],
  ['is writable by everybody', (file: string) => chmodSync(file, 0o757)],
  ['is not executable', (file: string) => chmodSync(file, 0o644)],
  [
    'is a symbolic link',
    (file: string) => {
      rmSync(file);
      symlinkSync('/bin/true', file);
    },
  ],
  [
    'is a folder',
    (file: string) => {
      rmSync(file);
      mkdirSync(file);
    },
  ],
])('a script that %s is refused, and none is run', async (_, spoil) => {
  add('1');
  const file = add('2');
  spoil(file);
  const { helper } = await toldReady([disk], terms());
  expect(await helper.expect('failed')).toMatchObject({ object: file, scripts: [] });
  expect(noted()).toEqual([]);
});

test.each([
  ['belongs to somebody else', () => chownSync(scripts, 1, 0)],
  ['is writable by the group', () => chmodSync(scripts, 0o775)],
])('a folder of scripts that %s is refused', async (_, spoil) => {
  add('1');
  spoil();
  const { helper } = await toldReady([disk], terms());
  expect(await helper.expect('failed')).toMatchObject({ object: scripts, scripts: [] });
  expect(noted()).toEqual([]);
});

test.each([
  ['belongs to somebody else', (above: string) => chownSync(above, 1, 0)],
  ['is writable by the group', (above: string) => chmodSync(above, 0o775)],
  ['is writable by everybody, though sticky', (above: string) => chmodSync(above, 0o1777)],
])('a folder of scripts below one that %s is refused, also when it does not exist', async (_, spoil) => {
  add('1');
  const above = path.dirname(scripts);
  spoil(above);
  for (const directory of [scripts, `${scripts}.none`]) {
    const { helper } = await toldReady([disk], { scripts: directory });
    expect(await helper.expect('failed')).toMatchObject({ object: above, scripts: [] });
  }
  expect(noted()).toEqual([]);
});

test('a folder of scripts that is reached by a symbolic link is refused', async () => {
  add('1');
  const link = path.join(safeFolder, 'link');
  symlinkSync(path.dirname(scripts), link);
  const { helper } = await toldReady([disk], { scripts: path.join(link, path.basename(scripts)) });
  expect(await helper.expect('failed')).toMatchObject({ object: link, scripts: [] });
  expect(noted()).toEqual([]);
  rmSync(link);
});

test.each(['release', 'keeper killed'] as const)(
  'what runs after the freeze is the very script that was checked, whatever lies at its path: %s',
  async (end) => {
    const file = add('1');
    const { helper } = await frozenHelper([disk], terms());
    renameSync(scripts, `${scripts}.old`);
    mkdirSync(scripts, { mode: 0o755 });
    writeFileSync(file, `#!/bin/sh\necho other >>${calls}\n`, { mode: 0o755 });
    if (end === 'release') helper.say('T');
    else helper.kill();
    expect(await until(() => noted().length === 2, 5000)).toBe(true);
    expect(noted()).toEqual(['1 freeze', end === 'release' ? '1 thaw' : '1 freezeFail']);
  },
);

test('a script may be a program without any interpreter', async () => {
  copyFileSync('/bin/echo', path.join(scripts, '1'));
  chmodSync(path.join(scripts, '1'), 0o755);
  const { ready } = await readyHelper([disk], terms());
  expect(ready.scripts).toEqual([result('1', 'freeze', 0, 'freeze\n')]);
});

test('a script that hangs at the thaw leaves the ones behind it their time', async () => {
  add('1', '[ $1 = freeze ] || sleep 0.5; echo done');
  add('2', '[ $1 = freeze ] || sleep 0.5; echo done');
  add('3', '[ $1 = freeze ] || sleep 30');
  const { helper } = await frozenHelper([disk], terms({ scriptMs: 3000 }));
  const beginMs = performance.now();
  helper.say('T');
  await helper.expect('thawed');
  expect((await helper.expect('finished')).scripts).toEqual([
    result('3', 'thaw', -1),
    result('2', 'thaw', 0, 'done\n'),
    result('1', 'thaw', 0, 'done\n'),
  ]);
  expect(performance.now() - beginMs).toBeLessThan(5000);
});

test('a script that not even SIGKILL ends is left behind, and the next one is told', async () => {
  const foreign = makeDisk('ext4');
  add('1');
  add('2', `[ $1 = freeze ] || : >${foreign.mountPoint}/x`);
  const { helper } = await frozenHelper([disk], terms({ scriptMs: 600 }));
  must('fsfreeze', '-f', foreign.mountPoint);
  try {
    helper.say('T');
    await helper.expect('thawed');
    expect((await helper.expect('finished')).scripts).toEqual([result('2', 'thaw', -1), result('1', 'thaw', 0)]);
  } finally {
    must('fsfreeze', '-u', foreign.mountPoint);
  }
});

describe('whose programs run as root is not for the client to say', () => {
  const OUTSIDE = 'is not below /etc/snaphook, nor below what `serve --scripts` allows';
  async function answerTo(directory: string, args: readonly string[]) {
    const helper = new HelperProcess(helperProgram, args);
    await helper.expect('hello');
    helper.say(`${prepareLine({ scripts: directory })}${fileSystemLine(disk)}ready\n`);
    return (await helper.next()) ?? {};
  }

  test.each([
    ['without a folder on the command line', () => scripts, () => ['serve']],
    ['beside the folder on the command line', () => scripts, () => ['serve', '--scripts', `${scripts}.other`]],
    ['with a name that goes on', () => `${scripts}.d`, () => ['serve', '--scripts', scripts]],
    ['above the folder on the command line', () => path.dirname(scripts), () => ['serve', '--scripts', scripts]],
    ['by the way up', () => `${scripts}/../scripts.d`, () => ['serve', '--scripts', scripts]],
    ['by the way up from its own folder', () => `/etc/snaphook/../..${scripts}`, () => ['serve']],
    ['beside its own folder', () => '/etc/snaphook.d', () => ['serve']],
  ])('a folder of root is refused %s, and nothing in it is run', async (_, directory, args) => {
    add('1');
    expect(await answerTo(directory(), args())).toMatchObject({
      event: 'failed',
      object: directory(),
      message: OUTSIDE,
    });
    expect(noted()).toEqual([]);
  });

  test.each([
    ['its own folder', () => '/etc/snaphook/scripts.d', () => ['serve']],
    ['the folder on the command line', () => scripts, () => ['serve', '--scripts', `${scripts}/`]],
    ['what lies below that', () => scripts, () => ['serve', '--scripts', path.dirname(scripts)]],
  ])('%s is taken', async (_, directory, args) => {
    expect(await answerTo(directory(), args())).toMatchObject({ event: 'ready' });
  });
});

test('a folder of scripts that is a symbolic link is refused', async () => {
  add('1');
  const link = `${scripts}.link`;
  symlinkSync(scripts, link);
  const { helper } = await toldReady([disk], { scripts: link });
  expect(await helper.expect('failed')).toMatchObject({ object: link, scripts: [] });
  expect(noted()).toEqual([]);
});

test('abort after ready tells freezeFail', async () => {
  add('1');
  const { helper } = await readyHelper([disk], terms());
  helper.say('abort\n');
  await helper.expect('aborted');
  expect(noted()).toEqual(['1 freeze', '1 freezeFail']);
});

test('the client that goes while a script runs: the script is ended and told freezeFail', async () => {
  add('1', '[ $1 != freeze ] || sleep 30');
  const { helper } = await toldReady([disk], terms({ scriptMs: 60_000 }));
  expect(await until(() => noted().length === 1, 3000)).toBe(true);
  helper.hangUp();
  expect(await helper.ended).toBe(0);
  expect(noted()).toEqual(['1 freeze', '1 freezeFail']);
});

test.each(['ready', 'frozen'] as const)('the keeper killed when %s: the watchdog tells freezeFail', async (when) => {
  add('1');
  add('2');
  const { helper, hello } = await (when === 'ready' ? readyHelper : frozenHelper)([disk], terms());
  helper.kill();
  expect(await until(() => noted().length === 4, 5000)).toBe(true);
  expect(noted().slice(2)).toEqual(['2 freezeFail', '1 freezeFail']);
  expect(hasRecord(hello.token)).toBe(false);
});

test('the keeper killed while a script runs: the watchdog ends the script and tells freezeFail', async () => {
  const ended = `${calls}.ended`;
  add('1', `[ $1 != freeze ] || { sleep 2; touch ${ended}; }`);
  const { helper } = await toldReady([disk], terms({ scriptMs: 60_000 }));
  expect(await until(() => noted().length === 1, 3000)).toBe(true);
  helper.kill();
  expect(await until(() => noted().length === 2, 5000)).toBe(true);
  expect(noted()[1]).toBe('1 freezeFail');
  expect(existsSync(ended)).toBe(false);
});
