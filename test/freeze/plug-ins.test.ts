import { chmodSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileSystemLine, HelperProcess, prepareLine, type Terms } from './helper-process.ts';
import { type LoopDisk, makeDisk, removeDisks } from './loop-disk.ts';
import { helperProgram, safeFolder } from './stage.ts';
import { until } from './until.ts';

let disk: LoopDisk;
let plugIns: string;
let calls: string;

beforeAll(() => {
  disk = makeDisk('ext4');
});
beforeEach(() => {
  const place = mkdtempSync(path.join(safeFolder, 'plug-ins-'));
  plugIns = path.join(place, 'plug-ins.d');
  calls = path.join(place, 'calls');
  chmodSync(place, 0o755);
  mkdirSync(plugIns, { mode: 0o755 });
  writeFileSync(calls, '');
});
afterEach(() => HelperProcess.killAll());
afterAll(removeDisks);

/** A plug-in that notes its process and each command, and its end; by default it answers as it should. */
function add(name: string, answers: Readonly<Record<string, string>> = {}): void {
  const usual = {
    discover: 'printf \'{"event":"discovered","instances":[]}\\n\'',
    quiesce: 'printf \'{"event":"quiesced"}\\n\'',
    unquiesce: 'printf \'{"event":"unquiesced","held":true}\\n\'',
    verify: 'printf \'{"event":"verified"}\\n\'',
  };
  const cases = Object.entries({ ...usual, ...answers }).map(
    ([command, answer]) => `*'"command":"${command}"'*) ${answer} ;;`,
  );
  const text = [
    '#!/bin/sh',
    `echo "${name} $$ $*" >>${calls}`,
    `while read -r line; do echo "${name} $line" >>${calls}; case $line in ${cases.join(' ')} esac; done`,
    `echo "${name} end" >>${calls}`,
  ].join('\n');
  writeFileSync(path.join(plugIns, name), `${text}\n`);
  chmodSync(path.join(plugIns, name), 0o755);
}

/** The answers to all that is still to be asked, before it is. */
const TOO_EARLY = ['{"event":"quiesced"}', '{"event":"unquiesced","held":true}', '{"event":"verified"}']
  .map((answer) => `'${answer}'`)
  .join(' ');

const noted = (): readonly string[] => readFileSync(calls, 'utf8').split('\n').slice(0, -1);
/** What the plug-ins were told, without times. */
const commands = (): readonly string[] =>
  noted().flatMap((line) => {
    const [, name = '', command = ''] = /^(\S+) (?:\{"command":"(\w+)".*\}|end)$/.exec(line) ?? [];
    return name === '' ? [] : `${name} ${command || 'end'}`;
  });
const result = (name: string, phase: string, exitCode: number, output: string = expect.anything()) => ({
  kind: 'plug-in',
  name,
  phase,
  exitCode,
  output,
});

async function told(terms: Terms = {}) {
  const helper = new HelperProcess(helperProgram, ['serve', '--scripts', safeFolder]);
  await helper.expect('hello');
  helper.say(`${prepareLine(terms)}plug-ins ${plugIns}\n${fileSystemLine(disk)}ready\n`);
  return helper;
}

async function frozen(terms: Terms = {}) {
  const helper = await told(terms);
  const ready = await helper.expect('ready');
  helper.say('freeze\n');
  await helper.expect('frozen');
  return { helper, ready };
}

test('each is one process from before the freeze until after the thaw, told in order and in reverse, with budget and lease', async () => {
  add('a');
  add('b');
  const { helper, ready } = await frozen({ leaseMs: 5000, lifeMs: 60_000, scriptMs: 4000 });
  const QUIET = '{"event":"discovered","instances":[]}\n{"event":"quiesced"}\n';
  expect(ready.scripts).toEqual([result('a', 'freeze', 0, QUIET), result('b', 'freeze', 0, QUIET)]);
  helper.say('T');
  await helper.expect('thawed');
  const GOES_ON = '{"event":"unquiesced","held":true}\n{"event":"verified"}\n';
  expect((await helper.expect('finished')).scripts).toEqual([
    result('b', 'thaw', 0, GOES_ON),
    result('a', 'thaw', 0, GOES_ON),
  ]);
  expect(commands()).toEqual([
    'a discover',
    'a quiesce',
    'b discover',
    'b quiesce',
    'b unquiesce',
    'b verify',
    'b end',
    'a unquiesce',
    'a verify',
    'a end',
  ]);
  expect(noted().filter((line) => line.endsWith(' serve'))).toHaveLength(2);
  const [, budgetMs, leaseMs] = /"budgetMs":(\d+),"leaseMs":(\d+)/.exec(noted().join('\n')) ?? [];
  expect(Number(budgetMs)).toBeLessThanOrEqual(4000);
  expect(leaseMs).toBe('65000');
  expect(noted()).toContain('a {"command":"unquiesce","outcome":"success"}');
});

test.each([
  ['answers that it failed', { quiesce: 'printf \'{"event":"failed","message":"no"}\\n\'' }, 1],
  ['answers that it does not implement it', { quiesce: 'printf \'{"event":"not-implemented"}\\n\'' }, 99],
  ['ends with 99', { discover: 'exit 99' }, 99],
  ['ends', { quiesce: 'exit 0' }, -1],
  ['answers with something else', { quiesce: 'echo quiesced' }, 1],
  ['answers with half a line', { quiesce: 'printf \'{"event":"quiesced"\'; exit 0' }, -1],
  ['answers with more than has room', { discover: 'head -c 4000 /dev/zero | tr "\\\\0" x; echo' }, -1],
])(
  'one that %s is told so, stops neither the freeze nor the others, and is not told the end',
  async (_, answers, exitCode) => {
    add('a', answers);
    add('b');
    const { helper, ready } = await frozen();
    expect(ready.scripts).toEqual([result('a', 'freeze', exitCode), result('b', 'freeze', 0)]);
    helper.say('T');
    await helper.expect('thawed');
    expect((await helper.expect('finished')).scripts).toEqual([result('b', 'thaw', 0)]);
  },
);

test('one that is late is ended, and the freeze goes on', async () => {
  add('a', { quiesce: 'exec sleep 30' });
  const { ready } = await frozen({ scriptMs: 300 });
  expect(ready.scripts).toEqual([result('a', 'freeze', -1)]);
});

test.each([
  ['that it did not hold', { unquiesce: 'printf \'{"event":"unquiesced","held":false}\\n\'' }, 1],
  ['that its application does not write', { verify: 'printf \'{"event":"failed","message":"no"}\\n\'' }, 1],
  ['nothing', { unquiesce: 'exit 0' }, -1],
  ['more than it was asked for', { quiesce: `printf '%s\\n' ${TOO_EARLY}` }, 1],
  ['the same twice', { quiesce: 'printf \'{"event":"quiesced"}\\n{"event":"quiesced"}\\n\'' }, 1],
  ['that it has no way to verify', { verify: 'printf \'{"event":"not-implemented"}\\n\'' }, 0],
])('what it says after the thaw is told: %s', async (_, answers, exitCode) => {
  add('a', answers);
  const { helper } = await frozen();
  helper.say('T');
  await helper.expect('thawed');
  expect((await helper.expect('finished')).scripts).toEqual([result('a', 'thaw', exitCode)]);
});

test('one that spoke before it was asked is not believed, and is told the end all the same', async () => {
  add('a', { quiesce: 'printf \'{"event":"quiesced"}\\n{"event":"failed","message":"late"}\\n\'' });
  const { helper } = await frozen({ leaseMs: 100 });
  await helper.expect('expired');
  expect((await helper.expect('finished')).scripts).toEqual([result('a', 'freezeFail', 1)]);
  expect(commands()).toEqual(['a discover', 'a quiesce', 'a unquiesce', 'a end']);
  expect(noted()).toContain('a {"command":"unquiesce","outcome":"failed"}');
});

test('after a lost freeze it is told that', async () => {
  add('a');
  const { helper } = await frozen({ leaseMs: 100 });
  await helper.expect('expired');
  expect((await helper.expect('finished')).scripts).toEqual([result('a', 'freezeFail', 0)]);
  expect(noted()).toContain('a {"command":"unquiesce","outcome":"failed"}');
});

test('one that hangs after the thaw leaves the ones behind it their time', async () => {
  add('a');
  add('b', { unquiesce: 'exec sleep 30' });
  const { helper } = await frozen({ scriptMs: 1000 });
  helper.say('T');
  await helper.expect('thawed');
  expect((await helper.expect('finished')).scripts).toEqual([result('b', 'thaw', -1), result('a', 'thaw', 0)]);
});

test('the client that goes before the freeze: it is told the end', async () => {
  add('a');
  const helper = await told();
  await helper.expect('ready');
  helper.hangUp();
  expect(await helper.ended).toBe(0);
  expect(commands()).toEqual(['a discover', 'a quiesce', 'a unquiesce', 'a verify', 'a end']);
});

test('the client that goes while it is asked: it meets the end of its input', async () => {
  add('a', { quiesce: 'sleep 0.5; printf \'{"event":"quiesced"}\\n\'' });
  const helper = await told();
  expect(await until(() => commands().includes('a quiesce'), 3000)).toBe(true);
  helper.hangUp();
  expect(await helper.ended).toBe(0);
  expect(await until(() => commands().includes('a end'), 3000)).toBe(true);
});

test('the helper killed while everything stands still: it meets the end of its input', async () => {
  add('a');
  const { helper } = await frozen();
  helper.kill();
  expect(await until(() => commands().includes('a end'), 5000)).toBe(true);
});

test('one that others may write is refused, and none is started', async () => {
  add('a');
  add('b');
  chmodSync(path.join(plugIns, 'b'), 0o775);
  const helper = await told();
  expect(await helper.expect('failed')).toMatchObject({ object: path.join(plugIns, 'b'), scripts: [] });
  expect(noted()).toEqual([]);
});

test('a folder that the command line does not allow is refused', async () => {
  const helper = new HelperProcess(helperProgram, ['serve']);
  await helper.expect('hello');
  helper.say(`${prepareLine()}plug-ins ${plugIns}\n`);
  expect(await helper.expect('failed')).toMatchObject({
    object: plugIns,
    message: expect.stringMatching(/is not below/),
  });
});
