import { expectEveryCommit } from '../applications/database.ts';
import { until } from './array-guest.ts';
import { startOnCopies } from './copied-database.ts';
import { checkExt4 } from './ext4-image.ts';
import { tellFigures } from './figures.ts';
import { DATA_DISK, type GuestDatabase, startGuestDatabase, WAL_DISK } from './guest-database.ts';
import { frozenPlaces } from './guest-helper.ts';
import { grades, heldMsOf, imageOf, post, pre, type RunningHook } from './hooks.ts';
import { openQemuSite, type QemuSite } from './site.ts';
import { databasesRunHere } from './stage.ts';

/** Its programs are emulated, on a machine that has other things to do. */
const COMMITS_MS = 120_000;
const LIMIT_MS = 420_000;
const ESTABLISH = { system: 'array', operation: 'POST private/snapshot', nth: 1 } as const;
/** An array that takes its time, so that there is something to see. */
const SLOW_ESTABLISH_MS = 2000;
/** What a recovery has to write again, but for a checkpoint. */
const BULK = 'INSERT INTO test.bulk SELECT repeat(md5(i::text), 8) FROM generate_series(1, 20000) AS i';

(databasesRunHere() ? describe : describe.skip)(
  'PostgreSQL in a real guest, its data on one disk and its WAL on another',
  () => {
    let site: QemuSite;
    let database: GuestDatabase;

    beforeAll(async () => {
      site = await openQemuSite({
        disks: [DATA_DISK, WAL_DISK],
        ssh: { leaseSeconds: 30, scriptSeconds: 150, applications: ['postgresql'] },
        job: { freeze: 'linux-fsfreeze', grade: 'application', onLowerGrade: 'degrade' },
      });
      database = await startGuestDatabase(site.array);
    }, 600_000);

    afterAll(async () => {
      await database?.writer.stop();
      await site?.close();
    });

    afterEach(async () => {
      site.faults.clear();
      expect(await site.leftBehind()).toEqual([]);
      expect(await database.plugInRemains()).toEqual([]);
      expect(site.vcenterSessions()).toBe(0);
      expect(await database.writer.commits(20, COMMITS_MS)).toBe(true);
    }, LIMIT_MS);

    /** The whole job while transactions are committed, and a server on copies of what it handed over. */
    async function backUp(exitCode: number) {
      const { writer } = database;
      expect(await writer.commits(20, COMMITS_MS)).toBe(true);
      const acknowledged = { atFirst: 0, atLast: 0 };
      const note = (moment: 'atFirst' | 'atLast') => ({
        do: 'call' as const,
        run: () => {
          acknowledged[moment] = writer.acknowledged;
        },
      });
      site.faults.add({ ...ESTABLISH, when: 'before', action: note('atFirst') });
      site.faults.add({ ...ESTABLISH, when: 'before', action: { do: 'delay', delayMs: SLOW_ESTABLISH_MS } });
      site.faults.add({ ...ESTABLISH, when: 'after', action: note('atLast') });

      const document = await pre(site, exitCode);
      expect(await writer.commits(20, COMMITS_MS)).toBe(true);

      // What was on its way.
      expect(acknowledged.atLast - acknowledged.atFirst).toBeLessThanOrEqual(1);
      expect(heldMsOf(document)).toBeGreaterThan(SLOW_ESTABLISH_MS);
      const images = {
        data: imageOf(site, document, DATA_DISK.labDevice),
        wal: imageOf(site, document, WAL_DISK.labDevice),
      };
      expect(await checkExt4(images.wal)).toEqual({ needsRecovery: false, checkExitCode: 0 });
      const copy = await startOnCopies(images);
      try {
        await expectEveryCommit(copy.ask, acknowledged.atLast);
      } finally {
        await copy.close();
      }
      await post(site);
      return { document, redoBytes: copy.redoBytes, recoveryMs: copy.recoveryMs };
    }

    test(
      'without its plug-in it earns the filesystem grade, and has every acknowledged commit after a long recovery',
      async () => {
        await database.ask(BULK);

        const { document, redoBytes, recoveryMs } = await backUp(3);

        expect(grades(document)).toEqual([
          { grade: 'filesystem', reasons: [expect.stringContaining('"postgresql" was not made quiet')] },
        ]);
        const bulkBytes = Number(await database.ask("SELECT pg_table_size('test.bulk')"));
        expect(redoBytes).toBeGreaterThan(bulkBytes);
        tellFigures('job, PostgreSQL without its plug-in', { ...document.window, redoBytes, recoveryMs });
      },
      LIMIT_MS,
    );

    test(
      'with its plug-in it earns the application grade, and has every acknowledged commit after a short recovery',
      async () => {
        await database.installPlugIn();
        try {
          const { document, redoBytes, recoveryMs } = await backUp(0);

          expect(grades(document)).toEqual([{ grade: 'application', reasons: [] }]);
          const bulkBytes = Number(await database.ask("SELECT pg_table_size('test.bulk')"));
          expect(redoBytes).toBeLessThan(bulkBytes / 4);
          tellFigures('job, PostgreSQL with its plug-in', { ...document.window, redoBytes, recoveryMs });
        } finally {
          await database.removePlugIn();
        }
      },
      LIMIT_MS,
    );

    test(
      'a pre hook killed in the window: PostgreSQL commits again, its plug-in ends, and post leaves nothing',
      async () => {
        await database.installPlugIn();
        try {
          let hook: RunningHook | undefined;
          let frozen: readonly string[] = [];
          let running: readonly string[] = [];
          const kill = async () => {
            frozen = await frozenPlaces(site.array);
            running = await database.runningPlugIns();
            hook?.child.kill('SIGKILL');
          };
          site.faults.add({ ...ESTABLISH, when: 'before', action: { do: 'call', run: kill } });
          hook = site.hook('pre-backup');

          expect((await hook.ended).exitCode).toBeNull();

          expect([...frozen].sort()).toEqual([...site.array.mountPoints].sort());
          expect(running).toHaveLength(1);
          expect(await database.writer.commits(20, COMMITS_MS)).toBe(true);
          await until(async () => (await database.plugInRemains()).length === 0 || undefined, 'the plug-in ended');
          await post(site);
        } finally {
          await database.removePlugIn();
        }
      },
      LIMIT_MS,
    );

    test('the array met no defect of its own', () => {
      expect(site.array.events.events.filter(({ detail }) => detail.defect !== undefined)).toEqual([]);
    });
  },
);
