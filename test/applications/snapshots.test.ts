import { existsSync, readFileSync, rmSync } from 'node:fs';
import { HelperProcess } from '../freeze/helper-process.ts';
import { removeDisks } from '../freeze/loop-disk.ts';
import { folder } from '../freeze/stage.ts';
import type { DatabaseKind } from './database.ts';
import { type DatabaseGuest, freeze, recover, snapshot, startDatabase, usePlugIn } from './guest.ts';
import { mariadb } from './mariadb.ts';
import { removePlugIns } from './plug-in-folder.ts';
import { postgresql } from './postgresql.ts';

const LABELS = `${folder}/labels`;

describe.each<[DatabaseKind, readonly string[]]>([
  [postgresql, []],
  [mariadb, []],
])('$name, its data and its log on two file systems', (kind) => {
  let guest: DatabaseGuest;
  beforeAll(async () => {
    guest = await startDatabase(kind);
  });
  afterAll(async () => {
    await guest.writer.stop();
    await guest.server.stop();
    HelperProcess.killAll();
    removeDisks();
  });
  afterEach(removePlugIns);

  /** Freezes while it is written to, and starts a server on what the disks held. Tells how long its recovery took. */
  async function backUp(settings: readonly string[] | undefined): Promise<number> {
    guest.server.ask(kind.bulk);
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
    const [first, last, rows] = copy.server
      .ask('SELECT min(i), max(i), count(*) FROM test.one')
      .split(/[|\t]/)
      .map(Number);
    const torn = copy.server.ask('SELECT count(*) FROM test.one WHERE i NOT IN (SELECT i FROM test.other)');
    expect(copy.server.ask('SELECT max(i), count(*) FROM test.other').split(/[|\t]/).map(Number)).toEqual([last, rows]);
    await copy.close();
    for (const image of images) rmSync(image);
    expect({ first, torn, gaps: (last ?? 0) - (rows ?? 0) }).toEqual({ first: 1, torn: '0', gaps: 0 });
    expect(last).toBeGreaterThanOrEqual(acknowledged);
    // One more may have been committed without anybody having been told.
    expect(last).toBeLessThanOrEqual(acknowledged + 1);
    return copy.recoveryMs;
  }

  test('a server on the snapshot has every acknowledged commit and nothing torn, with the plug-in and without it', async () => {
    const withoutMs = await backUp(undefined);
    const withMs = await backUp([]);
    process.stdout.write(`${kind.name}: recovery ${withMs} ms with the plug-in, ${withoutMs} ms without it\n`);
  });

  if (kind === postgresql)
    test('in its backup mode too, whose label is kept for whoever recovers to a later time', async () => {
      await backUp(['mode backup', `labels ${LABELS}`]);
      const [label = ''] = [`${LABELS}/54321.backup_label`]
        .filter(existsSync)
        .map((file) => readFileSync(file, 'utf8'));
      expect(label).toMatch(/^START WAL LOCATION: .*\n(.*\n)*LABEL: snaphook\n/);
    });
  else
    test('by FLUSH TABLES WITH READ LOCK too', async () => {
      await backUp(['mode flush-tables']);
    });
});
