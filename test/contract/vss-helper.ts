import { setTimeout as sleepFor } from 'node:timers/promises';
import { type HelperEvent, MAX_HOLD_MS, VSS_HELPER_PROTOCOL } from '../../src/guest/windows/vss-helper-protocol.ts';
import { HelperConversation, type HelperRun } from './vss-helper-conversation.ts';

/** The machine a helper runs on, as far as the promises of the protocol need it. */
export interface HelperWorld {
  /** Serials of disks that carry the application's volumes. */
  readonly disks: readonly string[];
  /** A serial no volume lies on. */
  readonly emptyDisk: string;
  /** Class id of a writer with a component on these disks. */
  readonly writer: string;
  /** Real milliseconds that one millisecond of the guest's clock takes. */
  readonly realPerGuestMs: number;
  start(): Promise<HelperRun>;
  /** From now on the writer fails in this phase with this HRESULT. */
  failWriter(phase: 'prepare-backup' | 'prepare-snapshot' | 'freeze' | 'thaw' | 'post-snapshot', result: string): void;
  /** Grows as long as the application writes. */
  applicationProgress(): number;
  /** Are writes of other programs to the volumes of these disks held at this moment? */
  fileWritesHeld(): boolean;
  /** How often the application dropped its log because a backup was said to hold it. */
  logTruncations(): number;
  close(): Promise<void>;
}

/** Of a hold in CommitSnapshots. */
const COMMIT_HOLD_MS = MAX_HOLD_MS.commit;
const FINISHED = '0x0004230A';
const OK = '0x00000000';
const RETRYABLE = '0x800423F3';
const BAD_STATE = '0x80042301';
const INVALID_ARGUMENT = '0x80070057';
const OBJECT_NOT_FOUND = '0x80042308';
const SET_IN_PROGRESS = '0x80042316';
const STABLE = 1;
const WAITING_FOR_BACKUP_COMPLETE = 5;

/** Promises of version 2 of the helper's protocol, for whatever helper and machine. */
export function describeVssHelper(name: string, makeWorld: () => Promise<HelperWorld>): void {
  describe(`VSS helper: ${name}`, () => {
    let world: HelperWorld;
    let open: HelperConversation[];

    beforeEach(async () => {
      world = await makeWorld();
      open = [];
    });

    afterEach(async () => {
      for (const conversation of open) await conversation.leave();
      await world.close();
    });

    const start = async (): Promise<HelperConversation> => {
      const conversation = new HelperConversation(await world.start());
      open.push(conversation);
      await conversation.expect('hello');
      return conversation;
    };
    const prepareCommand = (changes: Record<string, unknown> = {}) => ({
      command: 'prepare',
      protocol: VSS_HELPER_PROTOCOL,
      set: 'run-0001',
      disks: world.disks,
      backupType: 'copy',
      mode: 'commit',
      holdMs: COMMIT_HOLD_MS,
      excludedWriters: [],
      bootableState: true,
      ...changes,
    });
    const prepare = async (helper: HelperConversation, changes: Record<string, unknown> = {}) => {
      await helper.command(prepareCommand(changes));
      return helper.expect('prepared');
    };
    const freeze = async (helper: HelperConversation) => {
      await helper.command({ command: 'freeze' });
      return helper.expect('frozen');
    };
    const progresses = async (): Promise<boolean> => {
      const before = world.applicationProgress();
      const deadline = performance.now() + 5000;
      while (performance.now() < deadline) {
        if (world.applicationProgress() > before) return true;
        await sleepFor(5);
      }
      return false;
    };
    const writerIn = (event: Extract<HelperEvent, { writers: unknown }>) =>
      event.writers.find((writer) => writer.id.toLowerCase() === world.writer);

    test('greets with its protocol version, its own version, the system and the boot it belongs to', async () => {
      const conversation = new HelperConversation(await world.start());
      open.push(conversation);

      const hello = await conversation.expect('hello');

      expect(hello.protocol).toBe(VSS_HELPER_PROTOCOL);
      expect(hello.helper).toMatch(/^snaphook-vss \d+\.\d+\.\d+/);
      expect(hello.os).not.toBe('');
      expect(hello.bootId).not.toBe('');
    });

    test('a whole conversation ends with every writer stable and the helper gone', async () => {
      const helper = await start();

      const prepared = await prepare(helper);
      expect(writerIn(prepared)).toMatchObject({ selected: true, result: OK });
      expect(prepared.components.length).toBeGreaterThan(0);
      for (const disk of world.disks) expect(prepared.volumes.flatMap((volume) => volume.disks)).toContain(disk);
      for (const { volume } of prepared.volumes) expect(volume).toMatch(/^\\\\\?\\Volume\{[0-9a-fA-F-]{36}\}\\$/);

      const frozen = await freeze(helper);
      expect(frozen.freezeMs).toBeGreaterThanOrEqual(0);
      await helper.release();
      const thawed = await helper.expect('thawed');
      expect(thawed.heldMs).toBeGreaterThanOrEqual(0);

      const finished = await helper.expect('finished');
      expect(finished.result).toBe(FINISHED);
      expect(writerIn(finished)).toMatchObject({ state: WAITING_FOR_BACKUP_COMPLETE, result: OK });

      await helper.command({ command: 'complete', success: true });
      const completed = await helper.expect('completed');
      expect(writerIn(completed)).toMatchObject({ state: STABLE, result: OK });

      await helper.command({ command: 'quit' });
      expect(await helper.exited).toBe(0);
    });

    test('between frozen and the release byte the application stands still and the helper says nothing', async () => {
      const helper = await start();
      await prepare(helper);
      expect(await progresses()).toBe(true);

      await freeze(helper);
      const atFreeze = world.applicationProgress();
      await sleepFor(0.4 * COMMIT_HOLD_MS * world.realPerGuestMs);
      expect(world.applicationProgress()).toBe(atFreeze);
      expect(helper.pending).toEqual([]);

      await helper.release();
      expect((await helper.expect('thawed')).heldMs).toBeGreaterThan(0.3 * COMMIT_HOLD_MS);
      expect(await progresses()).toBe(true);
    });

    test('without a release byte the hold expires after holdMs, the set fails and the application goes on', async () => {
      const helper = await start();
      await prepare(helper, { holdMs: 2000 });
      await freeze(helper);

      const expired = await helper.expect('expired');
      const finished = await helper.expect('finished');

      expect(expired.heldMs).toBeGreaterThanOrEqual(1990);
      expect(expired.heldMs).toBeLessThan(COMMIT_HOLD_MS);
      expect(finished.result).toMatch(/^0x8/);
      expect(writerIn(finished)?.result).not.toBe(OK);
      expect(await progresses()).toBe(true);
      await helper.command({ command: 'complete', success: true });
      expect(await helper.expect('failed')).toMatchObject({ phase: 'complete', result: BAD_STATE });
    });

    test.each([
      ['commit', 9001],
      ['precommit', 55_001],
      ['commit', 0],
    ])('a hold in %s of %d ms is refused', async (mode, holdMs) => {
      const helper = await start();
      await helper.command(prepareCommand({ mode, holdMs }));

      expect(await helper.expect('failed')).toMatchObject({ result: INVALID_ARGUMENT });
      await prepare(helper);
    });

    test('the longest hold of writes ends before the 10 s of Windows', async () => {
      const helper = await start();
      await prepare(helper);
      await freeze(helper);

      const expired = await helper.expect('expired');

      expect(expired.heldMs).toBeGreaterThanOrEqual(COMMIT_HOLD_MS - 10);
      expect(expired.heldMs).toBeLessThan(10_000);
    });

    test('in precommit the application stands still while other programs write, until the release byte', async () => {
      const helper = await start();
      await prepare(helper, { mode: 'precommit', holdMs: 55_000 });
      await freeze(helper);
      const atFreeze = world.applicationProgress();

      expect(world.fileWritesHeld()).toBe(false);
      await sleepFor(0.2 * COMMIT_HOLD_MS * world.realPerGuestMs);
      expect(world.applicationProgress()).toBe(atFreeze);
      expect(helper.pending).toEqual([]);
      await helper.release();

      await helper.expect('thawed');
      expect((await helper.expect('finished')).result).toBe(FINISHED);
      expect(await progresses()).toBe(true);
    });

    test('in precommit, too, a hold expires after holdMs, and the set fails', async () => {
      const helper = await start();
      await prepare(helper, { mode: 'precommit', holdMs: 2000 });
      await freeze(helper);

      expect((await helper.expect('expired')).heldMs).toBeGreaterThanOrEqual(1990);
      expect((await helper.expect('finished')).result).toMatch(/^0x8/);
      expect(await progresses()).toBe(true);
    });

    test('no component of an excluded writer is selected', async () => {
      const helper = await start();
      const prepared = await prepare(helper, { excludedWriters: [world.writer] });

      expect(writerIn(prepared)?.selected ?? false).toBe(false);
    });

    test('a component with files outside of the set is told with its writer and what is missing', async () => {
      const helper = await start();
      const whole = await prepare(helper);
      expect(whole.excludedComponents.filter(({ writer }) => writer.toLowerCase() === world.writer)).toEqual([]);
      await helper.command({ command: 'abort' });
      await helper.expect('aborted');

      const part = await prepare(helper, { disks: world.disks.slice(0, 1) });

      expect(writerIn(part)?.selected ?? false).toBe(false);
      expect(part.excludedComponents.map(({ writer }) => writer.toLowerCase())).toContain(world.writer);
    });

    test('what the logs of the guest got of a failed set is told with its end, and of a good one nothing bad', async () => {
      const helper = await start();
      await prepare(helper, { holdMs: 500 });
      await freeze(helper);
      await helper.expect('expired');
      const finished = await helper.expect('finished');
      expect(finished.events.map(({ level }) => level)).toContain('error');
      await helper.command({ command: 'abort' });
      await helper.expect('aborted');

      const next = await start();
      await prepare(next);
      await freeze(next);
      await next.release();
      await next.expect('thawed');

      expect((await next.expect('finished')).events.filter(({ level }) => level === 'error')).toEqual([]);
    });

    /** A full set that its process has left behind, and a writer that waits for the end of the backup. */
    const parked = async (set: string) => {
      const helper = await start();
      await prepare(helper, { set, backupType: 'full' });
      await freeze(helper);
      await helper.release();
      await helper.expect('thawed');
      await helper.expect('finished');
      await helper.command({ command: 'park', hours: 1 });
      await helper.expect('parked');
      await helper.command({ command: 'quit' });
      expect(await helper.exited).toBe(0);
    };
    const resume = async (set: string) => {
      const helper = await start();
      await helper.command({ command: 'resume', set });
      return { helper, resumed: await helper.expect('resumed') };
    };

    test('a parked full set outlives its process and is completed by another one, which alone truncates the log', async () => {
      await parked('run-0001');
      expect(world.logTruncations()).toBe(0);

      const { helper, resumed } = await resume('run-0001');
      expect(resumed.phase).toBe('finished');
      expect(writerIn(resumed)).toMatchObject({ state: WAITING_FOR_BACKUP_COMPLETE, result: OK });
      expect(world.logTruncations()).toBe(0);
      await helper.command({ command: 'complete', success: true });

      expect(writerIn(await helper.expect('completed'))).toMatchObject({ state: STABLE, result: OK });
      expect(world.logTruncations()).toBe(1);
      await helper.command({ command: 'resume', set: 'run-0001' });
      expect(await helper.expect('failed')).toMatchObject({ result: OBJECT_NOT_FOUND });
    });

    test('a parked full set that is completed without success truncates no log', async () => {
      await parked('run-0001');
      const { helper } = await resume('run-0001');
      await helper.command({ command: 'complete', success: false });

      await helper.expect('completed');

      expect(world.logTruncations()).toBe(0);
    });

    test('a process that ends after it resumed a set leaves it parked', async () => {
      await parked('run-0001');
      const { helper } = await resume('run-0001');
      await helper.endInput();
      await helper.exited;

      const again = await resume('run-0001');
      await again.helper.command({ command: 'abort' });
      await again.helper.expect('aborted');

      expect(world.logTruncations()).toBe(0);
    });

    test('a full set whose process ends without having parked it is aborted', async () => {
      const helper = await start();
      await prepare(helper, { backupType: 'full' });
      await freeze(helper);
      await helper.release();
      await helper.expect('thawed');
      await helper.expect('finished');
      await helper.endInput();
      await helper.exited;

      const next = await start();
      await next.command({ command: 'resume', set: 'run-0001' });
      expect(await next.expect('failed')).toMatchObject({ result: OBJECT_NOT_FOUND });
      expect(world.logTruncations()).toBe(0);
    });

    test('while one set is parked another can be made and parked, and each is completed by its name', async () => {
      await parked('run-0001');
      await parked('run-0002');

      const second = await resume('run-0002');
      await second.helper.command({ command: 'complete', success: false });
      await second.helper.expect('completed');
      const first = await resume('run-0001');
      await first.helper.command({ command: 'complete', success: true });
      await first.helper.expect('completed');

      expect(world.logTruncations()).toBe(1);
    });

    test.each([
      ['a copy set', { backupType: 'copy' }],
      ['a set that is not finished', { backupType: 'full' }],
    ])('%s cannot be parked', async (what, changes) => {
      const helper = await start();
      await prepare(helper, changes);
      if (what === 'a copy set') {
        await freeze(helper);
        await helper.release();
        await helper.expect('thawed');
        await helper.expect('finished');
      }
      await helper.command({ command: 'park', hours: 1 });

      expect(await helper.expect('failed')).toMatchObject({ result: BAD_STATE });
    });

    test.each([0, 169])('%d hours in park are refused', async (hours) => {
      const helper = await start();
      await helper.command({ command: 'park', hours });

      expect(await helper.expect('failed')).toMatchObject({ result: INVALID_ARGUMENT });
    });

    test('a self-test tells every check by its name, and only while no set is open', async () => {
      const helper = await start();
      await helper.command({ command: 'selftest' });
      const names = (await helper.expect('selftest')).checks.map(({ name }) => name);
      expect(new Set(names).size).toBe(names.length);
      expect(names).toEqual(expect.arrayContaining(['os', 'rights', 'writers', 'volumes', 'hold']));

      await prepare(helper);
      await helper.command({ command: 'selftest' });
      expect(await helper.expect('failed')).toMatchObject({ result: BAD_STATE });
    });

    test('the end of input while writes are held lets the application go on and ends the helper', async () => {
      const helper = await start();
      await prepare(helper);
      await freeze(helper);

      await helper.endInput();

      await helper.exited;
      expect(await progresses()).toBe(true);
      const next = await start();
      await prepare(next);
    });

    test('an abort is answered in every phase and leaves the helper idle', async () => {
      const helper = await start();
      const abort = async () => {
        await helper.command({ command: 'abort' });
        await helper.expect('aborted');
        await helper.command({ command: 'status' });
        expect((await helper.expect('status')).phase).toBe('idle');
      };

      await abort();
      await prepare(helper);
      await abort();
      await helper.command(prepareCommand());
      await abort();
      await prepare(helper);
      await helper.command({ command: 'freeze' });
      await helper.command({ command: 'abort' });
      await helper.release();
      await helper.expectEventually('aborted');
      expect(await progresses()).toBe(true);
      await prepare(helper);
      await freeze(helper);
      await helper.release();
      await helper.expect('thawed');
      await helper.expect('finished');
      await abort();
    });

    test('an abort sent while writes are held is obeyed after the release', async () => {
      const helper = await start();
      await prepare(helper);
      await freeze(helper);

      await helper.command({ command: 'abort' });
      await helper.release();

      await helper.expectEventually('aborted');
      expect(await progresses()).toBe(true);
    });

    test('release bytes are ignored while nothing is held', async () => {
      const helper = await start();
      await helper.release();
      await helper.release();
      await prepare(helper);
      await helper.release();
      await freeze(helper);
      const atFreeze = world.applicationProgress();
      await sleepFor(0.1 * COMMIT_HOLD_MS * world.realPerGuestMs);
      expect(world.applicationProgress()).toBe(atFreeze);
      await helper.release();
      await helper.release();
      await helper.expect('thawed');
      await helper.expect('finished');
      await helper.release();
      await helper.command({ command: 'complete', success: false });
      await helper.expect('completed');
    });

    test('commands may arrive in pieces or several at once', async () => {
      const helper = await start();
      for (const byte of Buffer.from('{"command":"status"}\n')) await helper.write(Uint8Array.of(byte));
      expect((await helper.expect('status')).phase).toBe('idle');

      const both = `${JSON.stringify(prepareCommand())}\n{"command":"freeze"}\n`;
      await helper.write(Buffer.from(both));
      await helper.expect('prepared');
      await helper.expect('frozen');
      await helper.release();
      await helper.expect('thawed');
      await helper.expect('finished');
    });

    test('status tells the phase', async () => {
      const helper = await start();
      const phase = async () => {
        await helper.command({ command: 'status' });
        return (await helper.expect('status')).phase;
      };

      expect(await phase()).toBe('idle');
      await prepare(helper);
      expect(await phase()).toBe('prepared');
      await freeze(helper);
      await helper.release();
      await helper.expect('thawed');
      await helper.expect('finished');
      expect(await phase()).toBe('finished');
    });

    test('a second requestor is told that a set is in progress, until the first one is done', async () => {
      const first = await start();
      const second = await start();
      await prepare(first);

      await second.command(prepareCommand({ set: 'run-0002' }));
      expect(await second.expect('failed')).toMatchObject({ phase: 'prepare', result: SET_IN_PROGRESS });

      await freeze(first);
      await first.release();
      await first.expect('thawed');
      expect((await first.expect('finished')).result).toBe(FINISHED);
      await prepare(second, { set: 'run-0002' });
    });

    test('a helper that quits or loses its input after prepare leaves nothing in progress', async () => {
      const quitting = await start();
      await prepare(quitting);
      await quitting.command({ command: 'quit' });
      await quitting.exited;

      const losing = await start();
      await prepare(losing);
      await losing.endInput();
      await losing.exited;

      await prepare(await start());
    });

    test.each([
      ['no JSON', 'freeze\n'],
      ['an unknown command', '{"command":"thaw"}\n'],
      ['a missing member', '{"command":"complete"}\n'],
      [
        'another protocol version',
        '{"command":"prepare","protocol":1,"set":"x","disks":["x"],"backupType":"copy","mode":"commit","holdMs":1,"excludedWriters":[],"bootableState":true}\n',
      ],
    ])('%s is refused and the helper goes on', async (_what, line) => {
      const helper = await start();

      await helper.write(Buffer.from(line));

      expect(await helper.expect('failed')).toMatchObject({ phase: 'idle', result: INVALID_ARGUMENT });
      await prepare(helper);
    });

    test('a command in the wrong phase is refused, and a prepared set is given up', async () => {
      const helper = await start();
      await helper.command({ command: 'freeze' });
      expect(await helper.expect('failed')).toMatchObject({ phase: 'idle', result: BAD_STATE });
      await prepare(helper);
      await helper.command({ command: 'complete', success: true });
      expect(await helper.expect('failed')).toMatchObject({ phase: 'prepared', result: BAD_STATE });
      await prepare(helper);
    });

    test('disks without a volume cannot be prepared', async () => {
      const helper = await start();

      await helper.command(prepareCommand({ disks: [world.emptyDisk] }));

      expect((await helper.expect('failed')).phase).toBe('prepare');
      await prepare(helper);
    });

    test('a writer that fails while preparing is told with its state before anything freezes', async () => {
      world.failWriter('prepare-backup', RETRYABLE);
      const helper = await start();

      expect(writerIn(await prepare(helper))).toMatchObject({ state: 7, result: RETRYABLE });
    });

    test.each([
      ['prepare-snapshot', 8],
      ['freeze', 9],
      ['thaw', 10],
      ['post-snapshot', 11],
    ] as const)('a writer that fails at %s is told at the end, though VSS reports success', async (phase, state) => {
      world.failWriter(phase, RETRYABLE);
      const helper = await start();
      await prepare(helper);
      await freeze(helper);
      await helper.release();
      await helper.expect('thawed');

      const finished = await helper.expect('finished');

      expect(finished.result).toBe(FINISHED);
      expect(writerIn(finished)).toMatchObject({ state, result: RETRYABLE });
      expect(await progresses()).toBe(true);
    });
  });
}
