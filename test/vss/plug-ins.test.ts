import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { until } from '../contract/guest.ts';
import { PlugInPlace, volumeOf } from './wine-plug-in.ts';

/** A database and what stands in for its client, which knows the order of commands and refuses others. */
interface Database {
  readonly name: string;
  readonly client: string;
  readonly port: string;
  readonly facts: Readonly<Record<string, string>>;
  /** Line that brings it to rest. */
  readonly rest: string;
  readonly isHeld: (place: PlugInPlace, port: string) => boolean;
  readonly refusal: RegExp;
}

const hasLock = (place: PlugInPlace, port: string) => place.isLocked(port);
const databases: readonly Database[] = [
  {
    name: 'postgresql',
    client: 'psql.exe',
    port: '5432',
    facts: { user: 'postgres' },
    rest: "SELECT 'snaphook-quiet';",
    // A checkpoint holds nothing.
    isHeld: () => false,
    refusal: /must be superuser/,
  },
  {
    name: 'mysql',
    client: 'mysql.exe',
    port: '3306',
    facts: { version: '8.0.36' },
    rest: 'FLUSH TABLES WITH READ LOCK;',
    isHeld: hasLock,
    refusal: /you need the RELOAD privilege/,
  },
  {
    name: 'mariadb',
    client: 'mariadb.exe',
    port: '3306',
    facts: { version: '10.11.6-MariaDB' },
    rest: 'BACKUP STAGE BLOCK_COMMIT;',
    isHeld: hasLock,
    refusal: /you need the RELOAD privilege/,
  },
  {
    name: 'mongodb',
    client: 'mongosh.exe',
    port: '27017',
    facts: {},
    rest: 'quit(1) }',
    isHeld: (place, port) => place.locks(port) > 0,
    refusal: /not authorized on admin/,
  },
];

const QUIESCE = { command: 'quiesce', budgetMs: 60_000, leaseMs: 120_000 };
const SUCCESS = { command: 'unquiesce', outcome: 'success' };
const GOES_ON_WITHIN_MS = 60_000;

let place: PlugInPlace;
afterEach(() => place.close());

function install({ name, client, port, facts }: Database, ports: readonly string[] = [port]): void {
  place = new PlugInPlace(name, client);
  place.settingsFor(ports);
  for (const each of ports) place.server(each, { data: place.directory(`data-${each}`), start: '1', ...facts });
}
const database = (name: string): Database => {
  const found = databases.find((candidate) => candidate.name === name);
  if (!found) throw new Error(`no database ${name}`);
  return found;
};

describe.each(databases)('$name, with a stand-in of $client', (one) => {
  beforeEach(() => install(one));

  test('tells its instance and the volume of its files, is brought to rest, and goes on', async () => {
    const { ask, endInput, exited } = place.start();
    expect(await ask({ command: 'discover' })).toEqual({
      event: 'discovered',
      instances: [{ name: one.port, directories: [place.windowsPath(`data-${one.port}`)], devices: [volumeOf('C')] }],
    });
    expect(await ask(QUIESCE)).toEqual({ event: 'quiesced' });
    expect(one.isHeld(place, one.port)).toBe(one.name !== 'postgresql');
    expect(await ask(SUCCESS)).toEqual({ event: 'unquiesced', held: true });
    expect(one.isHeld(place, one.port)).toBe(false);
    expect(await ask({ command: 'verify' })).toEqual({ event: 'verified' });
    endInput();
    expect(await exited).toBe(0);
  });

  test('what it refuses is told in its own words, and nothing is held', async () => {
    place.server(one.port, { refuses: 'yes' });
    const { ask } = place.start();
    expect(await ask(QUIESCE)).toMatchObject({
      event: 'failed',
      message: expect.stringMatching(new RegExp(`instance ${one.port} did not come to rest: .*${one.refusal.source}`)),
    });
    expect(one.isHeld(place, one.port)).toBe(false);
    expect(await ask(SUCCESS)).toMatchObject({ event: 'failed' });
  });

  test.each(['killed', 'left without input', 'late'] as const)('the plug-in %s: it goes on', async (how) => {
    const { ask, kill, endInput } = place.start();
    expect(await ask(how === 'late' ? { ...QUIESCE, leaseMs: 3000 } : QUIESCE)).toEqual({ event: 'quiesced' });
    if (how === 'killed') kill();
    if (how === 'left without input') endInput();
    await until(() => place.log().some((line) => /snaphook-held|'held'/.test(line)), 'its end', GOES_ON_WITHIN_MS);
    await until(() => !one.isHeld(place, one.port), 'it goes on', GOES_ON_WITHIN_MS);
    if (how === 'late') expect(await ask(SUCCESS)).toEqual({ event: 'unquiesced', held: false });
  });

  test('a client that is killed is a session that was lost: it goes on, and is not told as held', async () => {
    const { ask } = place.start();
    expect(await ask(QUIESCE)).toEqual({ event: 'quiesced' });
    place.killClient(one.rest);
    await until(() => !one.isHeld(place, one.port), 'it goes on', GOES_ON_WITHIN_MS);
    expect(await ask(SUCCESS)).toEqual({ event: 'unquiesced', held: false });
    expect(one.isHeld(place, one.port)).toBe(false);
  });

  test('the process that keeps a session is killed: it goes on, and is not told as held', async () => {
    const { ask } = place.start();
    expect(await ask(QUIESCE)).toEqual({ event: 'quiesced' });
    place.killKeeper(one.port);
    expect(await ask(SUCCESS)).toEqual({ event: 'unquiesced', held: false });
    await until(() => !one.isHeld(place, one.port), 'it goes on', GOES_ON_WITHIN_MS);
  });

  test('a server that was started again in between was not at rest', async () => {
    const { ask } = place.start();
    expect(await ask(QUIESCE)).toEqual({ event: 'quiesced' });
    place.server(one.port, { start: '2' });
    expect(await ask(SUCCESS)).toEqual({ event: 'unquiesced', held: false });
  });

  test('several instances come to rest together, or none does', async () => {
    await place.close();
    install(one, ['4001', '4002']);
    const { ask } = place.start();
    expect(await ask(QUIESCE)).toEqual({ event: 'quiesced' });
    const held = ['4001', '4002'].map((port) => one.isHeld(place, port));
    expect(held).toEqual([one.name !== 'postgresql', one.name !== 'postgresql']);
    expect(await ask(SUCCESS)).toEqual({ event: 'unquiesced', held: true });

    place.server('4002', { refuses: 'yes' });
    expect(await ask(QUIESCE)).toMatchObject({
      event: 'failed',
      message: expect.stringMatching(/instance 4002 did not/),
    });
    await until(() => !one.isHeld(place, '4001'), 'the other one goes on', GOES_ON_WITHIN_MS);
  });
});

test('a checkpoint that takes longer than the budget is a failure before its end', async () => {
  install(database('postgresql'));
  place.server('5432', { checkpointMs: '30000' });
  const { ask } = place.start();
  const startedMs = Date.now();
  const answer = await ask({ ...QUIESCE, budgetMs: 5000 });
  expect(Date.now() - startedMs).toBeLessThan(30_000);
  expect(answer).toMatchObject({ event: 'failed', message: expect.stringMatching(/it took too long/) });
});

test('tables that somebody else has locked are not waited for longer than the budget', async () => {
  install(database('mysql'));
  place.server('3306', { isLocked: 'yes' });
  const { ask } = place.start();
  const answer = await ask({ ...QUIESCE, budgetMs: 5000 });
  expect(answer).toMatchObject({ event: 'failed', message: expect.stringMatching(/did not come to rest/) });
  expect(place.log().some((line) => line.includes('lock_wait_timeout = 5,'))).toBe(true);
});

test('what others have locked in MongoDB stays locked after a refusal', async () => {
  install(database('mongodb'));
  writeFileSync(place.file('bin/27017.locks'), '1 1');
  place.server('27017', { refuses: 'yes' });
  const { ask } = place.start();
  expect(await ask(QUIESCE)).toMatchObject({ event: 'failed' });
  expect(place.locks('27017')).toBe(1);
});

test('files on several volumes are told with all of them, however the server writes their paths', async () => {
  install(database('postgresql'));
  place.server('5432', { data: place.windowsPath('data-5432').replaceAll('\\', '/'), tablespace: 'Z:\\usr' });
  const { ask } = place.start();
  expect(await ask({ command: 'discover' })).toMatchObject({
    instances: [{ directories: [place.windowsPath('data-5432'), 'Z:\\usr'], devices: [volumeOf('C'), volumeOf('Z')] }],
  });
});

test('paths of MySQL that begin nowhere are in its data directory', async () => {
  install(database('mysql'));
  place.directory('data-3306/undo');
  place.directory('logs');
  place.server('3306', {
    innodb_data_home_dir: '',
    innodb_log_group_home_dir: '.\\undo',
    log_bin_basename: place.windowsPath('logs/host-bin'),
  });
  const { ask } = place.start();
  expect(await ask({ command: 'discover' })).toMatchObject({
    instances: [{ directories: ['data-3306', 'data-3306/undo', 'logs'].map((name) => place.windowsPath(name)) }],
  });
});

test.each([
  ['of another machine', { data: '\\\\filer\\share\\data' }, /"\\\\filer\\share\\data" lies on no volume/],
  ['that are not there', { tablespace: 'X:\\tables' }, /"X:\\tables" (is not there|cannot be opened)/],
  ['in no place', { data: 'data' }, /"data" is no directory/],
])('files %s are on no volume, so nobody says that they stand still', async (_, facts, problem) => {
  install(database('postgresql'));
  place.server('5432', facts);
  const { ask } = place.start();
  const answer = await ask({ command: 'discover' });
  expect(answer).toMatchObject({
    event: 'failed',
    message: expect.stringMatching(/does not tell where its files are/),
  });
  expect(answer).toMatchObject({ message: expect.stringMatching(problem) });
});

test('a directory for logs that only other versions have is not missed', async () => {
  install(database('postgresql'));
  place.directory('data-5432/pg_wal');
  const { ask } = place.start();
  expect(await ask({ command: 'discover' })).toMatchObject({
    instances: [{ directories: ['data-5432', 'data-5432/pg_wal'].map((name) => place.windowsPath(name)) }],
  });
});

describe('settings', () => {
  const refusalOf = async () => {
    const { ask, exited } = place.start();
    const answer = await ask({ command: 'discover' });
    expect(await exited).toBe(1);
    return answer;
  };
  const nothingWasRun = () => !existsSync(place.file('bin/log.txt'));

  test('user, database and file of passwords reach psql, none of them by way of a shell', async () => {
    install(database('postgresql'));
    const passwords = place.windowsPath('pass word.conf');
    place.settingsFor(['5432'], 'user back"up&ops ', 'database app db', `passwordFile ${passwords}`);
    place.server('5432', { user: 'back"up&ops', passwordFile: passwords });
    const { ask } = place.start();
    expect(await ask({ command: 'discover' })).toMatchObject({ event: 'discovered' });
    expect(place.log()[0]).toContain(' --username back"up&ops --dbname app db');
  });

  test('the option file that is named is the only one that mysql reads', async () => {
    install(database('mysql'));
    writeFileSync(place.file('my.ini'), '[client]\n');
    place.settingsFor(['3306'], `defaults ${place.windowsPath('my.ini')}`);
    place.server('3306', { defaults: place.windowsPath('my.ini') });
    const { ask } = place.start();
    expect(await ask({ command: 'discover' })).toMatchObject({ event: 'discovered' });
  });

  test('the connection string of MongoDB is read by its client alone', async () => {
    install(database('mongodb'));
    writeFileSync(place.file("the file's uri"), 'mongodb://backup:secret@127.0.0.1:27017/admin\n');
    place.settingsFor(['27017'], `uriFile ${place.windowsPath("the file's uri")}`);
    const { ask } = place.start();
    expect(await ask(QUIESCE)).toEqual({ event: 'quiesced' });
    expect(await ask(SUCCESS)).toEqual({ event: 'unquiesced', held: true });
    expect(place.log().join('\n')).not.toContain('secret');
  });

  test.each([
    ['a file of settings', () => place.settingsFile],
    ['a client', () => place.file('bin/mysql.exe')],
    ['a folder with a client', () => place.file('bin')],
    ['an option file', () => place.file('my.ini')],
  ])('%s that others may write is not used', async (_, file) => {
    install(database('mysql'));
    writeFileSync(place.file('my.ini'), '[client]\n');
    place.settingsFor(['3306'], `defaults ${place.windowsPath('my.ini')}`);
    chmodSync(file(), 0o777);
    expect(await refusalOf()).toMatchObject({
      event: 'failed',
      message: expect.stringMatching(/must be writable for SYSTEM and Administrators only/),
    });
    expect(nothingWasRun()).toBe(true);
  });

  test.each([
    [['instance 5432;x'], /"5432;x" is no port/],
    [['instance 70000'], /"70000" is no port/],
    [['instance 5432', 'client C:\\nowhere\\psql.exe'], /'C:\\nowhere\\psql.exe' cannot be opened/],
    [['instance 5432'], /name it by `client`/],
  ])('%p are refused', async (lines, problem) => {
    install(database('postgresql'));
    place.settings(...lines);
    expect(await refusalOf()).toMatchObject({ event: 'failed', message: expect.stringMatching(problem) });
    expect(nothingWasRun()).toBe(true);
  });

  test('without any, and with no server that runs as a service, there is nothing to do', async () => {
    install(database('postgresql'));
    place.settings();
    expect(await place.start().exited).toBe(99);
  });

  test('without any the server that runs as a service is found, with the client beside it; two have to be named', async () => {
    install(database('mariadb'));
    place.settings();
    const ends = [await place.startService('mariadbd.exe')];
    try {
      const first = place.start();
      expect(await first.ask({ command: 'discover' })).toMatchObject({ instances: [{ name: '3306' }] });
      ends.push(await place.startService('mysqld.exe'));
      expect(await refusalOf()).toMatchObject({ message: expect.stringMatching(/2 servers run as services/) });
    } finally {
      for (const end of ends) end();
    }
  });
});

test('a command that it does not have is told so, and one without its limits is refused', async () => {
  install(database('postgresql'));
  const { ask } = place.start();
  expect(await ask({ command: 'rewind' })).toEqual({ event: 'not-implemented' });
  expect(await ask({ command: 'quiesce' })).toMatchObject({ event: 'failed' });
  expect(await ask(SUCCESS)).toMatchObject({ event: 'failed', message: 'nothing was brought to rest' });
});
