import path from 'node:path';
import { describeHelperApplications } from '../contract/vss-helper-applications.ts';
import type { ApplicationsWorld } from '../contract/vss-helper-applications-world.ts';
import { HelperBench } from '../contract/vss-helper-bench.ts';
import { until } from '../lab/guest/until.ts';
import { WineApplications } from './wine-applications-world.ts';
import { processesWith, WineMachine } from './wine-helper-world.ts';

const machine = new WineMachine();
const applications = new WineApplications(machine);
beforeAll(() => machine.start());
afterAll(() => machine.stop());

describeHelperApplications('for Windows, under Wine,', async () => applications.world());

describe('the helper for Windows, with scripts and plug-ins,', () => {
  let world: ApplicationsWorld;
  const bench = new HelperBench(async () => {
    world = applications.world();
    return world;
  });
  beforeEach(() => bench.setUp());
  afterEach(() => bench.tearDown());

  const QUIESCE = { command: 'quiesce', scriptMs: 20_000, lifeMs: 120_000 };
  const told = () => world.calls().map(({ name, told: word }) => `${name} ${word}`);
  const prepared = async (changes: Record<string, unknown> = {}) => {
    const helper = await bench.start();
    await bench.prepare(helper, changes);
    return helper;
  };

  test.each([
    ['a script', 'scripts.d/10-a.cmd'],
    ['a plug-in', 'plug-ins.d/one.exe'],
    ['their folder', 'scripts.d'],
    ['the folder of the helper', '.'],
  ])('nothing is run when somebody else may write to %s, and it is named', async (_, file) => {
    world.addScript('10-a.cmd');
    world.addPlugIn('one');
    const helper = await prepared();
    applications.changeMode(file, 0o777);
    await helper.command(QUIESCE);

    const failed = await helper.expect('failed');

    expect(failed).toMatchObject({ phase: 'quiesce', result: '0x80070005', scripts: [] });
    expect(failed.message).toContain(`${path.win32.join(machine.folderName, file)}'`);
    expect(told()).toEqual([]);
  });

  test('nothing is run when a script belongs to somebody else', async () => {
    if (process.getuid?.() !== 0) return;
    world.addScript('10-a.cmd');
    applications.giveAway('scripts.d/10-a.cmd');
    const helper = await prepared();
    await helper.command(QUIESCE);

    expect((await helper.expect('failed')).message).toContain('must belong to SYSTEM or Administrators');
    expect(told()).toEqual([]);
  });

  test('a script that others may write to by the time of the thaw is not run again, and that is told', async () => {
    world.addScript('10-a.cmd');
    const helper = await prepared();
    await helper.command(QUIESCE);
    await helper.expect('quiesced');
    applications.changeMode('scripts.d/10-a.cmd', 0o777);
    await bench.freeze(helper);

    const { scripts } = await bench.finish(helper);

    expect(scripts).toMatchObject([{ phase: 'thaw', exitCode: 126, output: expect.stringContaining('10-a.cmd') }]);
    expect(told()).toEqual(['10-a.cmd freeze']);
  });

  test('a script that is late is ended with what it has started', async () => {
    world.addScript('10-a.cmd', { freeze: { hangs: true } });
    const helper = await prepared();
    await helper.command({ ...QUIESCE, scriptMs: 2000 });
    await until(() => told().length > 0, 15_000);
    expect(processesWith('script 10-a.cmd freeze')).not.toEqual([]);

    await helper.expect('failed');

    await until(() => processesWith('script 10-a.cmd freeze').length === 0, 5000);
  });

  test('what a dead service and a dead helper left is told freezeFail when the next one needs the service, and before', async () => {
    world.addScript('10-a.cmd');
    world.addScript('20-b.cmd');
    const helper = await prepared();
    await helper.command(QUIESCE);
    await helper.expect('quiesced');
    // Both at the same time: nobody is left who would start the service again.
    const isKilled = world.killService();
    world.killFronts();
    expect(await isKilled).toBe(true);

    const next = await prepared();
    await next.command(QUIESCE);
    await next.expect('quiesced');

    expect(told()).toEqual([
      ...['10-a.cmd freeze', '20-b.cmd freeze', '20-b.cmd freezeFail', '10-a.cmd freezeFail'],
      ...['10-a.cmd freeze', '20-b.cmd freeze'],
    ]);
  });

  test('a service that is stopped lets them go on before it ends, and no freeze follows', async () => {
    world.addScript('10-a.cmd');
    const helper = await prepared();
    await helper.command(QUIESCE);
    await helper.expect('quiesced');

    machine.stopService();

    expect(told()).toEqual(['10-a.cmd freeze', '10-a.cmd freezeFail']);
    await helper.command({ command: 'freeze' });
    await helper.expect('failed');
  });

  test('a session by files has them at rest, too', async () => {
    world.addScript('10-a.cmd');
    world.addPlugIn('one');
    const name = '0123456789abcdef0123456789abcdef';
    const held = machine.hold(name);
    const says = (event: string) => until(() => held.output().includes(`"event":"${event}"`), 15_000);
    const tell = (text: string) => machine.call('tell', name, Buffer.from(text).toString('hex'));
    await says('hello');
    await tell(`${JSON.stringify(bench.prepareCommand())}\n`);
    await says('prepared');
    await tell(`${JSON.stringify(QUIESCE)}\n`);
    await says('quiesced');
    const frozen = machine.call('await', name);
    await tell('{"command":"freeze"}\n');
    expect(await frozen).toBe(0);
    await tell('T');
    await says('finished');
    await tell('{"command":"quit"}\n');

    expect(await held.exited).toBe(0);
    expect(told().slice(-2)).toEqual(['one end', '10-a.cmd thaw']);
  });
});
