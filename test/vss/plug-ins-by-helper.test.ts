import { until } from '../contract/guest.ts';
import type { ApplicationsWorld } from '../contract/vss-helper-applications-world.ts';
import { HelperBench } from '../contract/vss-helper-bench.ts';
import { WineApplications } from './wine-applications-world.ts';
import { WineMachine } from './wine-helper-world.ts';
import { PlugInPlace, volumeOf } from './wine-plug-in.ts';

const machine = new WineMachine();
const applications = new WineApplications(machine);
beforeAll(() => machine.start());
afterAll(() => machine.stop());

let world: ApplicationsWorld;
const bench = new HelperBench(async () => {
  world = applications.world();
  return world;
});
beforeEach(() => bench.setUp());
afterEach(() => bench.tearDown());

const QUIESCE = { command: 'quiesce', scriptMs: 30_000, lifeMs: 120_000 };

function place(name: string, client: string, port: string, facts: Readonly<Record<string, string>>): PlugInPlace {
  const made = new PlugInPlace(name, client, machine.folder);
  made.settingsFor([port]);
  made.server(port, { data: made.directory('data'), start: '1', ...facts });
  return made;
}

test('the unchanged helper and the unchanged plug-in of MySQL hold its lock from before the freeze until after the thaw', async () => {
  const database = place('mysql', 'mysql.exe', '3306', { version: '8.0.36' });
  const helper = await bench.start();
  await bench.prepare(helper);

  await helper.command(QUIESCE);
  const { scripts } = await helper.expect('quiesced');
  expect(scripts).toMatchObject([{ kind: 'plug-in', name: 'mysql', phase: 'freeze', exitCode: 0 }]);
  const [discovered, quiesced] = String(scripts[0]?.output).split('\n');
  expect(JSON.parse(discovered ?? '')).toEqual({
    event: 'discovered',
    instances: [{ name: '3306', directories: [database.windowsPath('data')], devices: [volumeOf('C')] }],
  });
  expect(JSON.parse(quiesced ?? '')).toEqual({ event: 'quiesced' });
  await bench.freeze(helper);
  expect(database.isLocked('3306')).toBe(true);

  const finished = await bench.finish(helper);

  expect(database.isLocked('3306')).toBe(false);
  expect(finished.scripts).toMatchObject([
    {
      name: 'mysql',
      phase: 'thaw',
      exitCode: 0,
      output: expect.stringMatching(/^\{"event":"unquiesced","held":true\}\n\{"event":"verified"\}/),
    },
  ]);
});

test('the front of the helper is killed while MongoDB is locked: the plug-in in the service lets it go', async () => {
  const database = place('mongodb', 'mongosh.exe', '27017', {});
  const helper = await bench.start();
  await bench.prepare(helper);
  await helper.command(QUIESCE);
  await helper.expect('quiesced');
  expect(database.locks('27017')).toBe(1);

  world.killFronts();

  await until(() => database.locks('27017') === 0, 'it goes on', 60_000);
});
