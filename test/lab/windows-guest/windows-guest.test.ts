import { type HelperEvent, VSS_HELPER_PROTOCOL } from '../../../src/guest/windows/vss-helper-protocol.ts';
import { checkDatabase } from '../../../src/lab/guest/database-check.ts';
import { SQL_SERVER_WRITER } from '../../../src/lab/windows-guest/vss-writers.ts';
import { until } from '../guest/until.ts';
import { DATABASE_DISK, type GuestWorld, JOURNAL_DISK, PASSWORD, startGuestWorld, USER } from './guest-world.ts';
import { basicExchange, ShellClient } from './winrm-client.ts';

let world: GuestWorld;

afterEach(() => world.close());

/** The helper running in a remote shell of the guest. */
class RemoteHelper {
  readonly shell: string;
  readonly #command: string;
  #client: ShellClient;
  #text = '';

  constructor(client: ShellClient, shell: string, command: string) {
    this.#client = client;
    this.shell = shell;
    this.#command = command;
  }

  static async start(client: ShellClient): Promise<RemoteHelper> {
    const shell = await client.create();
    const helper = new RemoteHelper(client, shell, await client.command(shell, 'snaphook-vss.exe serve'));
    expect((await helper.next()).event).toBe('hello');
    return helper;
  }

  /** Another client takes over. */
  continueWith(client: ShellClient): void {
    this.#client = client;
  }

  send(text: string): Promise<void> {
    return this.#client.send(this.shell, this.#command, text);
  }

  prepare(disks: readonly string[] = [DATABASE_DISK, JOURNAL_DISK], backupType = 'copy', holdMs = 9000): Promise<void> {
    const command = {
      command: 'prepare',
      protocol: VSS_HELPER_PROTOCOL,
      set: 'run',
      disks,
      backupType,
      mode: 'commit',
      holdMs,
      excludedWriters: [],
      bootableState: true,
    };
    return this.send(`${JSON.stringify(command)}\n`);
  }

  async next(): Promise<HelperEvent> {
    while (!this.#text.includes('\n')) {
      this.#text += (await this.#client.receive(this.shell, this.#command)).stdout.toString();
    }
    const end = this.#text.indexOf('\n');
    const line = this.#text.slice(0, end);
    this.#text = this.#text.slice(end + 1);
    return JSON.parse(line) as HelperEvent; // the contract suite checks the shapes
  }

  async frozen(): Promise<void> {
    await this.prepare();
    expect((await this.next()).event).toBe('prepared');
    await this.send('{"command":"freeze"}\n');
    expect((await this.next()).event).toBe('frozen');
  }

  delete(): Promise<void> {
    return this.#client.delete(this.shell);
  }
}

const check = () => checkDatabase(world.database.copy(), world.journal.copy());
const acknowledged = () => world.guest.database?.lastAcknowledged ?? Number.NaN;
const effects = () => world.events.events.filter((event) => event.kind === 'effect').map((event) => event.operation);
const sqlWriter = (event: HelperEvent) =>
  'writers' in event ? event.writers.find((writer) => writer.id === SQL_SERVER_WRITER) : undefined;

test('a copy of the disks inside the freeze is application-consistent and holds exactly what was acknowledged', async () => {
  world = await startGuestWorld({}, 1, true);
  const helper = await RemoteHelper.start(world.client());
  await until(() => acknowledged() > 3 && world.guest.database?.inTransaction === true);
  expect(world.guest.isFrozen()).toBe(false);

  await helper.frozen();
  expect(world.guest.isFrozen()).toBe(true);
  const inside = await check();
  const atFreeze = acknowledged();
  await helper.send('T');
  expect((await helper.next()).event).toBe('thawed');
  expect(await helper.next()).toMatchObject({ event: 'finished', result: '0x0004230A' });

  expect(inside).toEqual({
    hotJournal: false,
    integrity: 'ok',
    sumInvariant: true,
    ledgerConsistent: true,
    lastTransaction: atFreeze,
  });
  expect(world.guest.isFrozen()).toBe(false);
  await until(() => acknowledged() > atFreeze);
  await helper.send('{"command":"complete","success":true}\n');
  expect((await helper.next()).event).toBe('completed');
  expect(effects()).toEqual(['PrepareForBackup', 'Freeze', 'HoldWrites', 'ReleaseWrites', 'Thaw', 'BackupComplete']);
});

test('when its writer fails to freeze, the held copy is only crash-consistent and the writer says so', async () => {
  world = await startGuestWorld({}, 1, true);
  const heal = world.guest.vss.failWriter(SQL_SERVER_WRITER, 'freeze', '0x800423F4');
  const helper = await RemoteHelper.start(world.client());
  const hot: boolean[] = [];
  for (let round = 0; round < 5; round += 1) {
    await helper.frozen();
    const inside = await check();
    expect(inside).toMatchObject({ integrity: 'ok', sumInvariant: true, ledgerConsistent: true });
    hot.push(inside.hotJournal);
    await helper.send('T');
    expect((await helper.next()).event).toBe('thawed');
    expect(sqlWriter(await helper.next())).toMatchObject({ state: 9, result: '0x800423F4', selected: true });
    await helper.send('{"command":"abort"}\n');
    expect((await helper.next()).event).toBe('aborted');
  }
  expect(hot).toContain(true);
  heal();
  await helper.frozen();
  expect((await check()).hotJournal).toBe(false);
});

test('an application with a volume outside the set is not selected and not frozen', async () => {
  world = await startGuestWorld({}, 1, true);
  const helper = await RemoteHelper.start(world.client());

  await helper.prepare([DATABASE_DISK]);
  const prepared = await helper.next();

  expect(sqlWriter(prepared)?.selected).toBe(false);
  expect(prepared).toMatchObject({ components: [], volumes: [{ mountPoint: 'D:\\', disks: [DATABASE_DISK] }] });
});

test('a helper that is killed while it holds leaves the hold to Windows, which ends it when its time is over', async () => {
  world = await startGuestWorld({}, 0.05, true);
  const helper = await RemoteHelper.start(world.client());
  await helper.frozen();
  const atFreeze = acknowledged();

  await helper.delete();

  expect(world.guest.isFrozen()).toBe(true);
  await until(() => !world.guest.isFrozen(), 5000);
  await until(() => acknowledged() > atFreeze);
  const [held, released] = ['HoldWrites', 'ReleaseWrites'].map(
    (name) => world.events.events.find(({ operation }) => operation === name)?.atMs ?? 0,
  );
  // Its own hold is 9 s at most: it can let go, Windows does after ten.
  expect(((released ?? 0) - (held ?? 0)) / 0.05).toBeGreaterThan(9900);
});

test('a client that vanishes leaves the guest frozen no longer than the hold', async () => {
  world = await startGuestWorld({}, 0.05, true);
  const connection = world.connect(world.httpsUrl);
  const helper = await RemoteHelper.start(new ShellClient(basicExchange(connection, USER, PASSWORD)));
  await helper.frozen();
  connection.destroy();
  expect(world.guest.isFrozen()).toBe(true);

  await until(() => !world.guest.isFrozen(), 5000);

  helper.continueWith(world.client());
  expect(await helper.next()).toMatchObject({ event: 'expired' });
  expect(await helper.next()).toMatchObject({ event: 'finished', result: '0x80042306' });
});

test('when the kernel gives up holding first, the release is answered but the set has failed', async () => {
  world = await startGuestWorld({}, 1, true);
  world.guest.vss.holdLimitMs = 30;
  const helper = await RemoteHelper.start(world.client());
  await helper.frozen();
  const atFreeze = acknowledged();
  await until(() => effects().includes('ReleaseWrites'));

  await helper.send('T');

  expect((await helper.next()).event).toBe('thawed');
  const finished = await helper.next();
  expect(finished).toMatchObject({ event: 'finished', result: '0x80042314' });
  expect(sqlWriter(finished)?.result).not.toBe('0x00000000');
  await until(() => acknowledged() > atFreeze);
});

test('a full backup lets writers truncate their logs only when it is reported successful', async () => {
  world = await startGuestWorld({}, 1, true);
  const helper = await RemoteHelper.start(world.client());
  for (const success of [false, true]) {
    await helper.prepare([DATABASE_DISK, JOURNAL_DISK], 'full');
    await helper.next();
    await helper.send('{"command":"freeze"}\n');
    await helper.next();
    await helper.send('T');
    await helper.next();
    await helper.next();
    await helper.send(`{"command":"complete","success":${success}}\n`);
    await helper.next();
    const completed = world.events.events.filter((event) => event.operation === 'BackupComplete').at(-1);
    expect(completed?.detail).toEqual({ success, backupType: 'full', logsTruncated: success });
  }
});

test('a guest without the helper answers as for any unknown program', async () => {
  world = await startGuestWorld();
  world.guest.vss.helperInstalled = false;
  const client = world.client();

  const result = await client.run(await client.create(), 'snaphook-vss.exe serve');

  expect(result.exitCode).toBe(1);
  expect(result.stderr.toString()).toContain('is not recognized');
});
