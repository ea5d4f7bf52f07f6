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
  close(): Promise<void>;
}

const FINISHED = '0x0004230A';
const OK = '0x00000000';
const RETRYABLE = '0x800423F3';
const BAD_STATE = '0x80042301';
const INVALID_ARGUMENT = '0x80070057';
const SET_IN_PROGRESS = '0x80042316';
const STABLE = 1;
const WAITING_FOR_BACKUP_COMPLETE = 5;

/** Promises of version 1 of the helper's protocol, for whatever helper and machine. */
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
      holdMs: MAX_HOLD_MS,
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
      await sleepFor(0.4 * MAX_HOLD_MS * world.realPerGuestMs);
      expect(world.applicationProgress()).toBe(atFreeze);
      expect(helper.pending).toEqual([]);

      await helper.release();
      expect((await helper.expect('thawed')).heldMs).toBeGreaterThan(0.3 * MAX_HOLD_MS);
      expect(await progresses()).toBe(true);
    });

    test('without a release byte the hold expires after holdMs, the set fails and the application goes on', async () => {
      const helper = await start();
      await prepare(helper, { holdMs: 2000 });
      await freeze(helper);

      const expired = await helper.expect('expired');
      const finished = await helper.expect('finished');

      expect(expired.heldMs).toBeGreaterThanOrEqual(1990);
      expect(expired.heldMs).toBeLessThan(MAX_HOLD_MS);
      expect(finished.result).toMatch(/^0x8/);
      expect(writerIn(finished)?.result).not.toBe(OK);
      expect(await progresses()).toBe(true);
      await helper.command({ command: 'complete', success: true });
      expect(await helper.expect('failed')).toMatchObject({ phase: 'complete', result: BAD_STATE });
    });

    test('no hold is longer than the protocol allows, whatever the client asks for', async () => {
      const helper = await start();
      await prepare(helper, { holdMs: 60_000 });
      await freeze(helper);

      const expired = await helper.expect('expired');

      expect(expired.heldMs).toBeGreaterThanOrEqual(MAX_HOLD_MS - 10);
      expect(expired.heldMs).toBeLessThan(10_000);
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
      await sleepFor(0.1 * MAX_HOLD_MS * world.realPerGuestMs);
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
        '{"command":"prepare","protocol":999,"set":"x","disks":["x"],"backupType":"copy","holdMs":1}\n',
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
