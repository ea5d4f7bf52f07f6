import { LEASE_SPARE_MS } from '../../src/guest/windows/vss-helper-protocol.ts';
import { until } from '../lab/guest/until.ts';
import { type ApplicationsWorld, PLUG_IN_ANSWERS } from './vss-helper-applications-world.ts';
import { HelperBench, RESULT } from './vss-helper-bench.ts';
import type { HelperConversation } from './vss-helper-conversation.ts';

const QUIET = PLUG_IN_ANSWERS.discover + PLUG_IN_ANSWERS.quiesce;
const GOES_ON = PLUG_IN_ANSWERS.unquiesce + PLUG_IN_ANSWERS.verify;
const LIFE_MS = 120_000;
const SCRIPT_MS = 20_000;
/** Of real time, for what comes about by itself. */
const LIMIT_MS = 15_000;

const script = (name: string, phase: string, exitCode = 0, output = '') => ({
  kind: 'script',
  name,
  phase,
  exitCode,
  output,
});
const plugIn = (name: string, phase: string, exitCode = 0, output: unknown = expect.any(String)) => ({
  kind: 'plug-in',
  name,
  phase,
  exitCode,
  output,
});

/** What helpers promise of scripts and plug-ins (docs/application-plug-ins.md), whatever helper and machine. */
export function describeHelperApplications(name: string, makeWorld: () => Promise<ApplicationsWorld>): void {
  describe(`VSS helper: ${name}, with scripts and plug-ins,`, () => {
    let world: ApplicationsWorld;
    const bench = new HelperBench(async () => {
      world = await makeWorld();
      return world;
    });
    beforeEach(() => bench.setUp());
    afterEach(() => bench.tearDown());

    const quiesceCommand = (changes: object = {}) => ({
      command: 'quiesce',
      scriptMs: SCRIPT_MS,
      lifeMs: LIFE_MS,
      ...changes,
    });
    const prepared = async (changes: Record<string, unknown> = {}) => {
      const helper = await bench.start();
      await bench.prepare(helper, changes);
      return helper;
    };
    const quiesce = async (helper: HelperConversation, changes: object = {}) => {
      await helper.command(quiesceCommand(changes));
      return (await helper.expect('quiesced')).scripts;
    };
    /** Up to the release of what stands still. */
    const held = async (changes: Record<string, unknown> = {}) => {
      const helper = await prepared(changes);
      const scripts = await quiesce(helper);
      await bench.freeze(helper);
      return { helper, scripts };
    };
    /** Of plug-ins the command alone. */
    const told = () =>
      world.calls().map((call) => {
        const [, command = call.told] = /^\{"command":"(\w+)"/.exec(call.told) ?? [];
        return `${call.name} ${command}`;
      });
    const lineOf = (wanted: string) =>
      world.calls().find((call) => call.told.startsWith(`{"command":"${wanted}"`))?.told;
    const comesAbout = async (calls: readonly string[]) => {
      await until(() => told().length >= calls.length, LIMIT_MS);
      expect(told()).toEqual(calls);
    };

    test.each(['copy', 'full'])(
      'of a %s set are told freeze before it and thaw after it: scripts, then plug-ins, by name, and back in reverse',
      async (backupType) => {
        world.addScript('20-b.cmd', { freeze: { output: 'quiet ledger\n' } });
        world.addScript('10-a.cmd', { thaw: { output: 'goes on\n' } });
        world.addPlugIn('two');
        world.addPlugIn('one');

        const { helper, scripts } = await held({ backupType });
        expect(scripts).toEqual([
          script('10-a.cmd', 'freeze'),
          script('20-b.cmd', 'freeze', 0, 'quiet ledger\n'),
          plugIn('one', 'freeze', 0, QUIET),
          plugIn('two', 'freeze', 0, QUIET),
        ]);
        const before = [
          '10-a.cmd freeze',
          '20-b.cmd freeze',
          ...['one discover', 'one quiesce', 'two discover', 'two quiesce'],
        ];
        expect(told()).toEqual(before);

        const finished = await bench.finish(helper);

        expect(finished.result).toBe(RESULT.finished);
        expect(finished.scripts).toEqual([
          plugIn('two', 'thaw', 0, GOES_ON),
          plugIn('one', 'thaw', 0, GOES_ON),
          script('20-b.cmd', 'thaw'),
          script('10-a.cmd', 'thaw', 0, 'goes on\n'),
        ]);
        expect(told()).toEqual([
          ...before,
          ...['two unquiesce', 'two verify', 'two end', 'one unquiesce', 'one verify', 'one end'],
          ...['20-b.cmd thaw', '10-a.cmd thaw'],
        ]);
        expect(lineOf('unquiesce')).toBe('{"command":"unquiesce","outcome":"success"}');
      },
    );

    test('a plug-in is told its budget, and a lease that lasts until nobody can stand still any more', async () => {
      world.addPlugIn('one');
      const helper = await prepared({ holdMs: 5000 });

      await quiesce(helper, { scriptMs: 4000, lifeMs: 30_000 });

      const { budgetMs, leaseMs } = JSON.parse(lineOf('quiesce') ?? '{}');
      expect(budgetMs).toBeGreaterThan(0);
      expect(budgetMs).toBeLessThanOrEqual(4000);
      expect(leaseMs).toBe(30_000 + 5000 + LEASE_SPARE_MS);
    });

    test('where nobody is to be told, quiesce is answered at once, also without the service', async () => {
      world.removeService();
      const helper = await bench.start();

      expect(await bench.prepare(helper)).toMatchObject({ hasPrograms: false });
      expect(await quiesce(helper)).toEqual([]);

      await bench.freeze(helper);
      expect((await bench.finish(helper)).scripts).toEqual([]);
    });

    test.each([
      ['a script', () => world.addScript('10-a.cmd')],
      ['a plug-in', () => world.addPlugIn('one')],
      ['a file that is none to be run', () => world.addFile('plug-ins.d', 'notes.txt')],
    ])('prepared tells that there may be somebody to be told: %s', async (_, add) => {
      add();
      const helper = await bench.start();

      expect(await bench.prepare(helper)).toMatchObject({ hasPrograms: true });
      expect(told()).toEqual([]);
    });

    test('without quiesce nobody is told anything', async () => {
      world.addScript('10-a.cmd');
      const helper = await prepared();

      await bench.freeze(helper);

      expect((await bench.finish(helper)).scripts).toEqual([]);
      expect(told()).toEqual([]);
    });

    test('with somebody to be told and no service, quiesce fails and nobody is told', async () => {
      world.addScript('10-a.cmd');
      world.removeService();
      const helper = await prepared();
      await helper.command(quiesceCommand());

      expect(await helper.expect('failed')).toMatchObject({ phase: 'quiesce', scripts: [] });
      expect(told()).toEqual([]);
    });

    test('a script that fails ends the set: those after it are not told, and it and those before it are told freezeFail', async () => {
      world.addScript('10-a.cmd');
      world.addScript('20-b.cmd', { freeze: { exitCode: 3, output: 'no such server\n' } });
      world.addScript('30-c.cmd');
      world.addPlugIn('one');
      const helper = await prepared();
      await helper.command(quiesceCommand());

      const failed = await helper.expect('failed');

      expect(failed).toMatchObject({ phase: 'quiesce', message: expect.stringContaining('20-b.cmd') });
      expect(failed.scripts).toEqual([
        script('10-a.cmd', 'freeze'),
        script('20-b.cmd', 'freeze', 3, 'no such server\n'),
        script('20-b.cmd', 'freezeFail'),
        script('10-a.cmd', 'freezeFail'),
      ]);
      expect(told()).toEqual(['10-a.cmd freeze', '20-b.cmd freeze', '20-b.cmd freezeFail', '10-a.cmd freezeFail']);
      await bench.prepare(helper);
    });

    test('a script that is late is ended and fails the whole', async () => {
      world.addScript('10-a.cmd', { freeze: { hangs: true } });
      const helper = await prepared();
      await helper.command(quiesceCommand({ scriptMs: 4000 }));

      const failed = await helper.expect('failed');

      expect(failed.scripts).toEqual([script('10-a.cmd', 'freeze', -1), script('10-a.cmd', 'freezeFail')]);
    });

    test.each([
      ['answers that it failed', { quiesce: { output: '{"event":"failed","message":"no"}\n' } }, 1],
      ['has nothing to do', { quiesce: { output: '{"event":"not-implemented"}\n' } }, 99],
      ['ends with 99', { discover: { exitCode: 99, output: '' } }, 99],
      ['ends', { quiesce: { exitCode: 0, output: '' } }, -1],
      ['answers with something else', { quiesce: { output: 'quiesced\n' } }, 1],
      ['answers with half a line', { quiesce: { exitCode: 0, output: '{"event":"quiesced"}' } }, -1],
      ['answers with more than has room', { discover: { output: `${'x'.repeat(4000)}\n` } }, -1],
    ])(
      'a plug-in that %s is told so, stops neither the freeze nor others, and is not told the end',
      async (_, deeds, exitCode) => {
        world.addPlugIn('one', deeds);
        world.addPlugIn('two');

        const { helper, scripts } = await held();

        expect(scripts).toEqual([plugIn('one', 'freeze', exitCode), plugIn('two', 'freeze')]);
        expect((await bench.finish(helper)).scripts).toEqual([plugIn('two', 'thaw')]);
      },
    );

    test('a plug-in that is late is ended, and the freeze goes on', async () => {
      world.addPlugIn('one', { quiesce: { hangs: true } });
      const helper = await prepared();

      expect(await quiesce(helper, { scriptMs: 1500 })).toEqual([plugIn('one', 'freeze', -1)]);
      await bench.freeze(helper);
      await bench.finish(helper);
    });

    test.each([
      ['that it did not hold', { unquiesce: { output: '{"event":"unquiesced","held":false}\n' } }, 1],
      ['that its application does not write', { verify: { output: '{"event":"failed","message":"no"}\n' } }, 1],
      ['that it has no way to verify', { verify: { output: '{"event":"not-implemented"}\n' } }, 0],
      ['nothing', { unquiesce: { exitCode: 0, output: '' } }, -1],
      ['more than it was asked for', { quiesce: { output: PLUG_IN_ANSWERS.quiesce + GOES_ON } }, 1],
    ])('what a plug-in says after the thaw is told: %s', async (_, deeds, exitCode) => {
      world.addPlugIn('one', deeds);
      const { helper } = await held();

      expect((await bench.finish(helper)).scripts).toEqual([plugIn('one', 'thaw', exitCode)]);
      await until(() => told().includes('one end') || exitCode === -1, LIMIT_MS);
      expect(told()).toContain('one unquiesce');
    });

    test('one that hangs after the thaw leaves those behind it their time', async () => {
      world.addScript('10-a.cmd');
      world.addScript('20-b.cmd', { thaw: { hangs: true } });
      const helper = await prepared();
      await quiesce(helper, { scriptMs: 6000 });
      await bench.freeze(helper);

      expect((await bench.finish(helper)).scripts).toEqual([
        script('20-b.cmd', 'thaw', -1),
        script('10-a.cmd', 'thaw'),
      ]);
    });

    test('after a hold that expired they are told freezeFail', async () => {
      world.addScript('10-a.cmd');
      world.addPlugIn('one');
      const { helper } = await held({ holdMs: 500 });
      await helper.expect('expired');

      const { scripts } = await helper.expect('finished');

      expect(scripts).toEqual([plugIn('one', 'freezeFail', 0, GOES_ON), script('10-a.cmd', 'freezeFail')]);
      expect(lineOf('unquiesce')).toBe('{"command":"unquiesce","outcome":"failed"}');
    });

    const BOTH_QUIET = ['10-a.cmd freeze', 'one discover', 'one quiesce'];
    const BOTH_LET_GO = [...BOTH_QUIET, 'one unquiesce', 'one verify', 'one end', '10-a.cmd freezeFail'];

    test.each(['abort', 'quit'])('%s is done when all have been told freezeFail', async (command) => {
      world.addScript('10-a.cmd');
      world.addPlugIn('one');
      const helper = await prepared();
      await quiesce(helper);

      await helper.command({ command });

      if (command === 'abort') await helper.expect('aborted');
      else expect(await helper.exited).toBe(0);
      expect(told()).toEqual(BOTH_LET_GO);
    });

    test.each([
      ['the end of input', (helper: HelperConversation) => helper.endInput()],
      ['the death of the helper', async () => world.killFronts()],
    ])('%s lets them go on', async (_, end) => {
      world.addScript('10-a.cmd');
      world.addPlugIn('one');
      const helper = await prepared();
      await quiesce(helper);

      await end(helper);

      await comesAbout(BOTH_LET_GO);
    });

    test('the death of the helper while everything stands still lets them go on', async () => {
      world.addScript('10-a.cmd');
      world.addPlugIn('one');
      await held();

      world.killFronts();

      await comesAbout(BOTH_LET_GO);
    });

    test('the death of the service ends the input of plug-ins, scripts are told freezeFail, and no freeze follows', async () => {
      world.addScript('10-a.cmd');
      world.addPlugIn('one');
      const helper = await prepared();
      await quiesce(helper);

      expect(await world.killService()).toBe(true);

      await until(() => told().length >= BOTH_QUIET.length + 2, LIMIT_MS);
      expect(told().slice(BOTH_QUIET.length).sort()).toEqual(['10-a.cmd freezeFail', 'one end']);
      await helper.command({ command: 'freeze' });
      await helper.expect('failed');
    });

    test('the death of the service while everything stands still is no end of the hold, and nobody says that applications were quiet to the end', async () => {
      world.addScript('10-a.cmd');
      world.addPlugIn('one');
      const { helper } = await held();

      expect(await world.killService()).toBe(true);
      const finished = await bench.finish(helper);

      expect(finished).toMatchObject({ result: RESULT.finished, scripts: [] });
      await until(() => told().length >= BOTH_QUIET.length + 2, LIMIT_MS);
      expect(told().slice(BOTH_QUIET.length).sort()).toEqual(['10-a.cmd freezeFail', 'one end']);
    });

    test('the death of the service that holds a full set ends the helper, too, and lets them go on', async () => {
      world.addScript('10-a.cmd');
      world.addPlugIn('one');
      const { helper } = await held({ backupType: 'full' });

      expect(await world.killService()).toBe(true);

      expect(await helper.exited).toBe(1);
      await until(() => told().length >= BOTH_QUIET.length + 2, LIMIT_MS);
      expect(told().slice(BOTH_QUIET.length).sort()).toEqual(['10-a.cmd freezeFail', 'one end']);
    });

    test('a freeze that does not come in the time of life finds them gone on, and fails', async () => {
      world.addScript('10-a.cmd');
      world.addPlugIn('one');
      const helper = await prepared();
      await quiesce(helper, { lifeMs: 1000 });

      await comesAbout(BOTH_LET_GO);
      await helper.command({ command: 'freeze' });

      await helper.expect('failed');
      expect(told()).toEqual(BOTH_LET_GO);
      await bench.prepare(helper);
    });

    test('a freeze that comes in time is not cut short by the time of life', async () => {
      world.addScript('10-a.cmd');
      const helper = await prepared({ holdMs: 9000 });
      await quiesce(helper, { lifeMs: 2000 });
      await bench.freeze(helper);
      await bench.hold(0.4);

      expect((await bench.finish(helper)).scripts).toEqual([script('10-a.cmd', 'thaw')]);
    });

    /** 20-b.cmd, which is told it first, does not come to its end by itself. */
    const letsGoSlowly = async (scriptMs: number) => {
      world.addScript('10-a.cmd');
      world.addScript('20-b.cmd', { freezeFail: { hangs: true } });
      const helper = await prepared();
      await quiesce(helper, { scriptMs });
      return helper;
    };
    const SLOWLY_LET_GO = ['10-a.cmd freeze', '20-b.cmd freeze', '20-b.cmd freezeFail', '10-a.cmd freezeFail'];

    test('one session at a time has them at rest: the next one waits until all have been told the end', async () => {
      await letsGoSlowly(3000);
      world.killFronts();
      const next = await prepared();

      await quiesce(next);

      expect(told()).toEqual([...SLOWLY_LET_GO, '10-a.cmd freeze', '20-b.cmd freeze']);
    });

    test('a session that has waited for scriptMs for another one fails, and tells nobody anything', async () => {
      await letsGoSlowly(8000);
      world.killFronts();
      const next = await prepared();

      await next.command(quiesceCommand({ scriptMs: 300 }));

      expect(await next.expect('failed')).toMatchObject({ phase: 'quiesce', result: RESULT.busy, scripts: [] });
      await comesAbout(SLOWLY_LET_GO);
    });

    test('while they are told the end after a failure, status says that nothing stands still any more', async () => {
      const helper = await letsGoSlowly(6000);
      await helper.command(quiesceCommand());
      await until(() => told().includes('20-b.cmd freezeFail'), LIMIT_MS);

      await helper.command({ command: 'status' });

      expect((await helper.expect('status')).phase).toBe('idle');
      expect(await helper.expect('failed')).toMatchObject({ phase: 'quiet', result: RESULT.badState });
    });

    test('while they are told, status says so, and abort ends it at once', async () => {
      world.addScript('10-a.cmd', { freeze: { hangs: true } });
      const helper = await prepared();
      await helper.command(quiesceCommand({ scriptMs: 300_000 }));
      await until(() => told().length === 1, LIMIT_MS);

      await helper.command({ command: 'status' });
      expect((await helper.expect('status')).phase).toBe('quiesce');
      await helper.command({ command: 'abort' });

      await helper.expect('aborted');
      expect(told()).toEqual(['10-a.cmd freeze', '10-a.cmd freezeFail']);
    });

    test.each([
      ['in the wrong phase', {}, RESULT.badState, 'idle'],
      ['a second time', {}, RESULT.badState, 'quiet'],
      ['with no time for scripts', { scriptMs: 0 }, RESULT.invalidArgument, 'prepared'],
      ['with more time than there may be', { scriptMs: 300_001 }, RESULT.invalidArgument, 'prepared'],
      ['with no life', { lifeMs: 0 }, RESULT.invalidArgument, 'prepared'],
      ['with more life than there may be', { lifeMs: 3_600_001 }, RESULT.invalidArgument, 'prepared'],
    ])('quiesce %s is refused, and the set is given up', async (what, changes, result, phase) => {
      world.addScript('10-a.cmd');
      const helper = phase === 'idle' ? await bench.start() : await prepared();
      if (what === 'a second time') {
        await quiesce(helper);
        await helper.command({ command: 'status' });
        expect((await helper.expect('status')).phase).toBe('quiet');
      }
      await helper.command(quiesceCommand(changes));

      expect(await helper.expect('failed')).toMatchObject({ phase, result });
      expect(told()).toEqual(phase === 'quiet' ? ['10-a.cmd freeze', '10-a.cmd freezeFail'] : []);
      await bench.prepare(helper);
    });

    test.each([
      ['scripts.d', 'notes.txt'],
      ['scripts.d', '10 a.cmd'],
      ['plug-ins.d', 'one'],
      ['plug-ins.d', 'two.cmd'],
    ] as const)(
      'a file in %s named "%s", that is none to be run or has the name of another, is named, and nothing is run',
      async (folder, file) => {
        world.addScript('10-a.cmd');
        world.addPlugIn('two');
        world.addFile(folder, file);
        const helper = await prepared();
        await helper.command(quiesceCommand());

        const failed = await helper.expect('failed');

        expect(failed).toMatchObject({ phase: 'quiesce', scripts: [] });
        expect(failed.message).toMatch(file === 'two.cmd' ? /two\.(?:cmd|exe)/ : file);
        expect(told()).toEqual([]);
      },
    );

    test('what an upload left that was broken off, or that replaced a program which runs, stops nobody', async () => {
      world.addPlugIn('two');
      for (const ending of ['part', 'old']) world.addFile('plug-ins.d', `two.exe.${'0f'.repeat(16)}.${ending}`);
      const helper = await prepared();
      await helper.command(quiesceCommand());

      const { scripts } = await helper.expect('quiesced');

      expect(scripts.map(({ name }) => name)).toEqual(['two']);
    });
  });
}
