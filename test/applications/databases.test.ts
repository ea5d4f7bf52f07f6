import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { HelperProcess, killed } from '../freeze/helper-process.ts';
import { removeDisks } from '../freeze/loop-disk.ts';
import { folder } from '../freeze/stage.ts';
import { until } from '../freeze/until.ts';
import { type DatabaseKind, expectEveryCommit } from './database.ts';
import { type DatabaseGuest, freeze, recover, snapshot, startDatabase, usePlugIn } from './guest.ts';
import { mariadb } from './mariadb.ts';
import { removePlugIns } from './plug-in-folder.ts';
import { postgresql } from './postgresql.ts';

const LABELS = `${folder}/labels`;
/** A running plug-in has a folder with its process id in memory. */
const FOLDER = /^snaphook-plug-in\.(\w+)\.(\d+)$/;

const runningPlugIns = (): readonly { readonly name: string; readonly pid: number }[] =>
  readdirSync('/run').flatMap((entry) => {
    const [, name = '', pid] = FOLDER.exec(entry) ?? [];
    return pid === undefined || !existsSync(`/proc/${pid}`) ? [] : [{ name, pid: Number(pid) }];
  });

/** The usual mode of a plug-in, another one, and the one in which most is left behind when a session is lost. */
describe.each<[string, DatabaseKind, readonly string[], readonly string[]]>([
  ['PostgreSQL', postgresql, ['mode backup', `labels ${LABELS}`], ['mode backup', `labels ${LABELS}`]],
  ['MariaDB', mariadb, ['mode flush-tables'], []],
])('%s, its data and its log on two file systems', (_, kind, otherMode, riskyMode) => {
  let guest: DatabaseGuest;
  beforeAll(async () => {
    guest = await startDatabase(kind);
  });
  afterEach(removePlugIns);
  afterAll(async () => {
    await guest.writer.stop();
    await guest.server.stop();
    HelperProcess.killAll();
    removeDisks();
  });

  /** Freezes while it is written to, and starts a server on what the disks held. Tells how long its recovery took. */
  async function backUp(settings: readonly string[] | undefined): Promise<number> {
    if (settings !== undefined) usePlugIn(guest, settings);
    expect(await guest.writer.commits(20)).toBe(true);
    const { helper, ready } = await freeze(guest);
    expect(ready.scripts.map(({ name, exitCode }) => ({ name, exitCode }))).toEqual(
      settings === undefined ? [] : [{ name: kind.name, exitCode: 0 }],
    );
    const acknowledged = guest.writer.acknowledged;
    const images = snapshot(guest);
    expect(guest.writer.acknowledged).toBe(acknowledged);
    helper.say('T');
    await helper.expect('thawed');
    const { scripts } = await helper.expect('finished');
    expect(scripts.map(({ exitCode }) => exitCode)).toEqual(settings === undefined ? [] : [0]);
    expect(await guest.writer.commits(20)).toBe(true);
    const copy = await recover(kind, images);
    await expectEveryCommit((sql) => copy.server.ask(sql), acknowledged);
    await copy.close();
    for (const image of images) rmSync(image);
    return copy.recoveryMs;
  }

  test('a server on the snapshot has every acknowledged commit and nothing torn, without the plug-in and with it', async () => {
    guest.server.ask(kind.bulk);
    const withoutMs = await backUp(undefined);
    guest.server.ask(kind.bulk);
    const withMs = await backUp([]);
    process.stdout.write(`${kind.name}: recovery ${withMs} ms with the plug-in, ${withoutMs} ms without it\n`);
  });

  test(`and with ${otherMode[0]}`, async () => {
    await backUp(otherMode);
    // For whoever recovers to a later time.
    if (kind === postgresql)
      expect(readFileSync(`${LABELS}/54321.backup_label`, 'utf8')).toMatch(
        /^START WAL LOCATION: .*\n(.*\n)*LABEL: snaphook\n/,
      );
  });

  describe('goes on when somebody is gone', () => {
    let program: string;
    /** Of the plug-in with the server. What it holds ends with it. */
    const holdsSession = (): boolean => guest.server.ask(kind.sessionsOfPlugIn) !== '0';
    beforeEach(async () => {
      program = usePlugIn(guest, riskyMode);
      expect(await guest.writer.commits(5)).toBe(true);
    });
    afterEach(async () => {
      expect(await guest.writer.commits(20)).toBe(true);
      expect(await until(() => !holdsSession(), 10_000)).toBe(true);
      expect(await until(() => runningPlugIns().length === 0, 10_000)).toBe(true);
      HelperProcess.killAll();
    });

    test('the plug-in killed: that is told', async () => {
      const { helper } = await freeze(guest);
      expect(runningPlugIns().map(({ name, pid }) => [name, killed(pid)])).toEqual([[kind.name, true]]);
      helper.say('T');
      await helper.expect('thawed');
      const { scripts } = await helper.expect('finished');
      expect(scripts).toMatchObject([{ name: kind.name, phase: 'thaw', exitCode: -1 }]);
    });

    test('the helper killed', async () => {
      const { helper } = await freeze(guest);
      helper.kill();
      await helper.ended;
    });

    test('the connection of the client at its end', async () => {
      const { helper } = await freeze(guest);
      helper.hangUp();
      expect(await helper.ended).toBe(0);
    });

    test('the lease of the freeze over: that is told', async () => {
      const { helper } = await freeze(guest, { leaseMs: 300 });
      await helper.expect('expired');
      const { scripts } = await helper.expect('finished');
      expect(scripts).toMatchObject([{ name: kind.name, phase: 'freezeFail', exitCode: 0 }]);
    });

    test('its own lease over while the one who asked is there and silent: it says that it did not hold', async () => {
      const plugIn = spawn(program, ['serve'], { stdio: ['pipe', 'pipe', 'inherit'] });
      const answers = linesOf(plugIn);
      plugIn.stdin.write('{"command":"quiesce","budgetMs":30000,"leaseMs":1000}\n');
      expect(await answers(1)).toEqual(['{"event":"quiesced"}']);
      expect(await until(() => !holdsSession(), 20_000)).toBe(true);
      plugIn.stdin.write('{"command":"unquiesce","outcome":"success"}\n');
      plugIn.stdin.end();
      expect((await answers(2)).slice(1)).toEqual(['{"event":"unquiesced","held":false}']);
    });
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
