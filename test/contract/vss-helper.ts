import { VSS_HELPER_PROTOCOL } from '../../src/guest/windows/vss-helper-protocol.ts';
import { HelperBench, type HelperWorld, RESULT, WRITER } from './vss-helper-bench.ts';
import { holdPromises } from './vss-helper-holds.ts';
import { parkPromises } from './vss-helper-parking.ts';

/** Promises of version 3 of the helper's protocol, for whatever helper and machine. */
export function describeVssHelper(name: string, makeWorld: () => Promise<HelperWorld>): void {
  describe(`VSS helper: ${name}`, () => {
    const bench = new HelperBench(makeWorld);
    beforeEach(() => bench.setUp());
    afterEach(() => bench.tearDown());

    holdPromises(bench);
    parkPromises(bench);

    test('greets with its protocol version, its own version, the system and the boot it belongs to', async () => {
      const conversation = await bench.begin();

      const hello = await conversation.expect('hello');

      expect(hello.protocol).toBe(VSS_HELPER_PROTOCOL);
      expect(hello.helper).toMatch(/^snaphook-vss \d+\.\d+\.\d+/);
      expect(hello.os).not.toBe('');
      expect(hello.bootId).not.toBe('');
    });

    test('a whole conversation ends with every writer stable and the helper gone', async () => {
      const helper = await bench.start();

      const prepared = await bench.prepare(helper);
      expect(bench.writerIn(prepared)).toMatchObject({ selected: true, result: RESULT.ok });
      expect(prepared.components.length).toBeGreaterThan(0);
      for (const disk of bench.world.disks) expect(prepared.volumes.flatMap((volume) => volume.disks)).toContain(disk);
      expect(prepared.notHeld).toEqual([bench.world.rawVolume]);
      for (const { volume } of prepared.volumes) expect(volume).toMatch(/^\\\\\?\\Volume\{[0-9a-fA-F-]{36}\}\\$/);

      const frozen = await bench.freeze(helper);
      expect(frozen.freezeMs).toBeGreaterThanOrEqual(0);
      await helper.release();
      const thawed = await helper.expect('thawed');
      expect(thawed.heldMs).toBeGreaterThanOrEqual(0);

      const finished = await helper.expect('finished');
      expect(finished.result).toBe(RESULT.finished);
      expect(bench.writerIn(finished)).toMatchObject({ state: WRITER.waitingForBackupComplete, result: RESULT.ok });

      await helper.command({ command: 'complete', success: true });
      const completed = await helper.expect('completed');
      expect(bench.writerIn(completed)).toMatchObject({ state: WRITER.stable, result: RESULT.ok });

      await helper.command({ command: 'quit' });
      expect(await helper.exited).toBe(0);
    });

    test('no component of an excluded writer is selected', async () => {
      const helper = await bench.start();
      const prepared = await bench.prepare(helper, { excludedWriters: [bench.world.writer] });

      expect(bench.writerIn(prepared)?.selected ?? false).toBe(false);
    });

    test('a component with files outside of the set is told with its writer and what is missing', async () => {
      const helper = await bench.start();
      const whole = await bench.prepare(helper);
      expect(whole.excludedComponents.filter(({ writer }) => writer.toLowerCase() === bench.world.writer)).toEqual([]);
      await bench.abort(helper);

      const part = await bench.prepare(helper, { disks: bench.world.disks.slice(0, 1) });

      expect(bench.writerIn(part)?.selected ?? false).toBe(false);
      expect(part.excludedComponents.map(({ writer }) => writer.toLowerCase())).toContain(bench.world.writer);
    });

    test('what the logs of the guest got of a failed set is told with its end, and of a good one nothing bad', async () => {
      const helper = await bench.start();
      await bench.prepare(helper, { holdMs: 500 });
      await bench.freeze(helper);
      await helper.expect('expired');
      const finished = await helper.expect('finished');
      expect(finished.events.map(({ level }) => level)).toContain('error');
      await bench.abort(helper);

      const next = await bench.start();
      await bench.prepare(next);
      await bench.freeze(next);
      await next.release();
      await next.expect('thawed');

      expect((await next.expect('finished')).events.filter(({ level }) => level === 'error')).toEqual([]);
    });

    test('a self-test tells every check by its name, and only while no set is open', async () => {
      const helper = await bench.start();
      await helper.command({ command: 'selftest' });
      const names = (await helper.expect('selftest')).checks.map(({ name }) => name);
      expect(new Set(names).size).toBe(names.length);
      expect(names).toEqual(expect.arrayContaining(['os', 'rights', 'writers', 'volumes', 'hold']));

      await bench.prepare(helper);
      await helper.command({ command: 'selftest' });
      expect(await helper.expect('failed')).toMatchObject({ result: RESULT.badState });
    });

    test('the end of input while writes are held lets the application go on and ends the helper', async () => {
      const helper = await bench.start();
      await bench.prepare(helper);
      await bench.freeze(helper);

      await helper.endInput();

      await helper.exited;
      expect(await bench.progresses()).toBe(true);
      const next = await bench.start();
      await bench.prepare(next);
    });

    test('an abort is answered in every phase and leaves the helper idle', async () => {
      const helper = await bench.start();
      const abort = async () => {
        await bench.abort(helper);
        await helper.command({ command: 'status' });
        expect((await helper.expect('status')).phase).toBe('idle');
      };

      await abort();
      await bench.prepare(helper);
      await abort();
      await helper.command(bench.prepareCommand());
      await abort();
      await bench.prepare(helper);
      await helper.command({ command: 'freeze' });
      await helper.command({ command: 'abort' });
      await helper.release();
      await helper.expectEventually('aborted');
      expect(await bench.progresses()).toBe(true);
      await bench.prepare(helper);
      await bench.freeze(helper);
      await bench.finish(helper);
      await abort();
    });

    test('an abort sent while writes are held is obeyed after the release', async () => {
      const helper = await bench.start();
      await bench.prepare(helper);
      await bench.freeze(helper);

      await helper.command({ command: 'abort' });
      await helper.release();

      await helper.expectEventually('aborted');
      expect(await bench.progresses()).toBe(true);
    });

    test('release bytes are ignored while nothing is held', async () => {
      const helper = await bench.start();
      await helper.release();
      await helper.release();
      await bench.prepare(helper);
      await helper.release();
      await bench.freeze(helper);
      const atFreeze = bench.world.applicationProgress();
      await bench.hold(0.1);
      expect(bench.world.applicationProgress()).toBe(atFreeze);
      await helper.release();
      await bench.finish(helper);
      await helper.release();
      await helper.command({ command: 'complete', success: false });
      await helper.expect('completed');
    });

    test('commands may arrive in pieces or several at once', async () => {
      const helper = await bench.start();
      for (const byte of Buffer.from('{"command":"status"}\n')) await helper.write(Uint8Array.of(byte));
      expect((await helper.expect('status')).phase).toBe('idle');

      const both = `${JSON.stringify(bench.prepareCommand())}\n{"command":"freeze"}\n`;
      await helper.write(Buffer.from(both));
      await helper.expect('prepared');
      await helper.expect('frozen');
      await bench.finish(helper);
    });

    test('status tells the phase', async () => {
      const helper = await bench.start();
      const phase = async () => {
        await helper.command({ command: 'status' });
        return (await helper.expect('status')).phase;
      };

      expect(await phase()).toBe('idle');
      await bench.prepare(helper);
      expect(await phase()).toBe('prepared');
      await bench.freeze(helper);
      await bench.finish(helper);
      expect(await phase()).toBe('finished');
    });

    test('a second requestor is told that a set is in progress, until the first one is done', async () => {
      const first = await bench.start();
      const second = await bench.start();
      await bench.prepare(first);

      await second.command(bench.prepareCommand({ set: 'run-0002' }));
      expect(await second.expect('failed')).toMatchObject({ phase: 'prepare', result: RESULT.setInProgress });

      await bench.freeze(first);
      await first.release();
      await first.expect('thawed');
      expect((await first.expect('finished')).result).toBe(RESULT.finished);
      await bench.prepare(second, { set: 'run-0002' });
    });

    test('a helper that quits or loses its input after prepare leaves nothing in progress', async () => {
      const quitting = await bench.start();
      await bench.prepare(quitting);
      await quitting.command({ command: 'quit' });
      await quitting.exited;

      const losing = await bench.start();
      await bench.prepare(losing);
      await losing.endInput();
      await losing.exited;

      await bench.prepare(await bench.start());
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
      const helper = await bench.start();

      await helper.write(Buffer.from(line));

      expect(await helper.expect('failed')).toMatchObject({ phase: 'idle', result: RESULT.invalidArgument });
      await bench.prepare(helper);
    });

    test('a command in the wrong phase is refused, and a prepared set is given up', async () => {
      const helper = await bench.start();
      await helper.command({ command: 'freeze' });
      expect(await helper.expect('failed')).toMatchObject({ phase: 'idle', result: RESULT.badState });
      await bench.prepare(helper);
      await helper.command({ command: 'complete', success: true });
      expect(await helper.expect('failed')).toMatchObject({ phase: 'prepared', result: RESULT.badState });
      await bench.prepare(helper);
    });

    test('disks without a volume cannot be prepared', async () => {
      const helper = await bench.start();

      await helper.command(bench.prepareCommand({ disks: [bench.world.emptyDisk] }));

      expect((await helper.expect('failed')).phase).toBe('prepare');
      await bench.prepare(helper);
    });

    test('a writer that fails while preparing is told with its state before anything freezes', async () => {
      bench.world.failWriter('prepare-backup', RESULT.retryable);
      const helper = await bench.start();

      expect(bench.writerIn(await bench.prepare(helper))).toMatchObject({ state: 7, result: RESULT.retryable });
    });

    test.each([
      ['prepare-snapshot', 8],
      ['freeze', 9],
      ['thaw', 10],
      ['post-snapshot', 11],
    ] as const)('a writer that fails at %s is told at the end, though VSS reports success', async (phase, state) => {
      bench.world.failWriter(phase, RESULT.retryable);
      const helper = await bench.start();
      await bench.prepare(helper);
      await bench.freeze(helper);
      await helper.release();
      await helper.expect('thawed');

      const finished = await helper.expect('finished');

      expect(finished.result).toBe(RESULT.finished);
      expect(bench.writerIn(finished)).toMatchObject({ state, result: RESULT.retryable });
      expect(await bench.progresses()).toBe(true);
    });
  });
}
