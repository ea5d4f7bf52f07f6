import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { HelperProcess, killed } from '../freeze/helper-process.ts';
import { removeDisks } from '../freeze/loop-disk.ts';
import { until } from '../freeze/stage.ts';
import type { DatabaseKind } from './database.ts';
import { type DatabaseGuest, freeze, startDatabase, usePlugIn } from './guest.ts';
import { mariadb } from './mariadb.ts';
import { removePlugIns } from './plug-in-folder.ts';
import { postgresql } from './postgresql.ts';

/** A running plug-in has a folder with its process id in memory. */
const FOLDER = /^snaphook-plug-in\.(\w+)\.(\d+)$/;

const runningPlugIns = (): readonly { readonly name: string; readonly pid: number }[] =>
  readdirSync('/run').flatMap((entry) => {
    const [, name = '', pid] = FOLDER.exec(entry) ?? [];
    return pid === undefined ? [] : [{ name, pid: Number(pid) }];
  });

describe.each<[DatabaseKind, readonly string[]]>([
  // What stays behind when a session is lost.
  [postgresql, ['mode backup']],
  [mariadb, []],
])('whoever is killed, $name writes again', (kind, settings) => {
  let guest: DatabaseGuest;
  let program: string;
  /** Of the plug-in with the server. What it holds ends with it. */
  const holdsSession = (): boolean => guest.server.ask(kind.sessionsOfPlugIn) !== '0';
  beforeAll(async () => {
    guest = await startDatabase(kind);
  });
  beforeEach(async () => {
    program = usePlugIn(guest, settings);
    expect(await guest.writer.commits(5)).toBe(true);
  });
  afterEach(async () => {
    expect(await guest.writer.commits(20)).toBe(true);
    expect(await until(() => !holdsSession(), 10_000)).toBe(true);
    expect(await until(() => runningPlugIns().length === 0, 10_000)).toBe(true);
    HelperProcess.killAll();
  });
  afterAll(async () => {
    await guest.writer.stop();
    await guest.server.stop();
    removePlugIns();
    removeDisks();
  });

  test('the plug-in: that is told, and the freeze did not count for it', async () => {
    const { helper } = await freeze(guest);
    expect(runningPlugIns().map(({ name, pid }) => [name, killed(pid)])).toEqual([[kind.name, true]]);
    helper.say('T');
    await helper.expect('thawed');
    expect((await helper.expect('finished')).scripts).toMatchObject([{ name: kind.name, phase: 'thaw', exitCode: -1 }]);
  });

  test('the helper', async () => {
    const { helper } = await freeze(guest);
    helper.kill();
    await helper.ended;
  });

  test('the client, whose connection ends', async () => {
    const { helper } = await freeze(guest);
    helper.hangUp();
    expect(await helper.ended).toBe(0);
  });

  test('the lease of the freeze is over: it is told so', async () => {
    const { helper } = await freeze(guest, { leaseMs: 300 });
    await helper.expect('expired');
    expect((await helper.expect('finished')).scripts).toMatchObject([
      { name: kind.name, phase: 'freezeFail', exitCode: 0 },
    ]);
  });

  test('nobody, but its own lease is over while the one who asked is there and silent: it did not hold', async () => {
    const plugIn = spawn(program, ['serve'], { stdio: ['pipe', 'pipe', 'inherit'] });
    const answers = linesOf(plugIn);
    plugIn.stdin?.write('{"command":"quiesce","budgetMs":30000,"leaseMs":1000}\n');
    expect(await answers(1)).toEqual(['{"event":"quiesced"}']);
    expect(await until(() => !holdsSession(), 20_000)).toBe(true);
    expect(await guest.writer.commits(20)).toBe(true);
    plugIn.stdin?.write('{"command":"unquiesce","outcome":"success"}\n');
    expect((await answers(2)).slice(1)).toEqual(['{"event":"unquiesced","held":false}']);
    plugIn.stdin?.end();
  });
});

/** Waits for so many lines of its output. */
function linesOf({ stdout }: ChildProcess): (count: number) => Promise<readonly string[]> {
  const lines: string[] = [];
  if (stdout) createInterface({ input: stdout }).on('line', (line) => lines.push(line));
  return async (count) => {
    await until(() => lines.length >= count, 20_000);
    return lines;
  };
}
