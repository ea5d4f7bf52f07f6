import { type LabLinuxGuest, startLinuxGuest } from '../../../src/lab/linux-guest/linux-guest.ts';
import { EventLog } from '../../../src/lab/world/events.ts';
import { FaultRules } from '../../../src/lab/world/faults.ts';
import { Pace } from '../../../src/lab/world/pace.ts';
import { memoryDevice } from '../guest/memory-device.ts';
import { until } from '../guest/until.ts';
import { type RawRun, rawRun } from './ssh-client.ts';

const ROOT = { username: 'root', password: 'root-password' };
const HELPER = '/usr/local/sbin/snaphook-freeze';
const DISKS = ['6000c29a1b2c3d4e5f60718293a4b5c6', '6000c29b1b2c3d4e5f60718293a4b5c7'];
const READY = 'prepare 300 60000 5000 -\nfilesystem 8:17 /data\nfilesystem 8:1 /\nready\n';

let events: EventLog;
let faults: FaultRules;
let guest: LabLinuxGuest;
beforeEach(async () => {
  events = new EventLog();
  faults = new FaultRules(events);
  guest = await startLinuxGuest({
    name: 'pg01',
    events,
    faults,
    pace: new Pace(1),
    latency: { latencyMs: 0, jitterMs: 0 },
    users: [
      { name: ROOT.username, password: ROOT.password },
      { name: 'plain', password: 'plain-password' },
    ],
    disks: DISKS.map((uuid, index) => ({
      uuid,
      device: memoryDevice(4096),
      label: `disk ${index}`,
      mount: { mountPoint: ['/', '/data'][index] ?? '', fileSystem: 'ext4' },
    })),
  });
});
afterEach(() => guest.close());

const run = (words: string, login = ROOT) => rawRun(guest.port, login, `${HELPER} ${words}`);
async function prepared(leaseMs = 300): Promise<RawRun> {
  const helper = await run('serve');
  await helper.next('hello');
  helper.say(READY.replace('300', `${leaseMs}`));
  await helper.next('ready');
  return helper;
}
async function frozen(leaseMs?: number): Promise<RawRun> {
  const helper = await prepared(leaseMs);
  helper.say('freeze\n');
  await helper.next('frozen');
  return helper;
}

test('a whole session: facts, ready, freeze, release byte, verdict, quit', async () => {
  const helper = await run('serve');
  expect(await helper.next('hello')).toMatchObject({ protocol: 2, token: expect.stringMatching(/^[0-9a-f]{32}$/) });
  helper.say('facts\n');
  expect(await helper.next('facts')).toMatchObject({
    mounts: expect.arrayContaining([expect.objectContaining({ device: '8:17', mountPoint: '/data' })]),
    blocks: expect.arrayContaining([expect.objectContaining({ name: 'sdb', serial: DISKS[1] })]),
  });
  helper.say(READY);
  expect(await helper.next('ready')).toMatchObject({ ownFileSystem: '/', scripts: [] });
  helper.say('freeze\n');
  await helper.next('frozen');
  expect(guest.isFrozen()).toBe(true);
  helper.say('T');
  expect((await helper.next('thawed')).heldMs).toBeGreaterThan(0);
  expect(guest.isFrozen()).toBe(false);
  expect(await helper.next('finished')).toMatchObject({
    reason: 'released',
    fileSystems: [
      { mountPoint: '/data', frozen: true, held: true, errno: 0 },
      { mountPoint: '/', frozen: true, held: true, errno: 0 },
    ],
  });
  helper.say('quit\n');
  await helper.ended();
  expect(helper.exitCode).toBe(0);
  const effects = events.events.filter(({ kind }) => kind === 'effect');
  expect(effects.map(({ operation, detail }) => [operation, detail.mountPoint])).toEqual([
    ['Freeze', '/data'],
    ['Freeze', '/'],
    ['Thaw', '/'],
    ['Thaw', '/data'],
  ]);
});

test('the lease ends a hold by itself, and the release that comes later releases nothing', async () => {
  const helper = await frozen();
  expect((await helper.next('expired')).heldMs).toBeGreaterThan(100);
  expect(guest.isFrozen()).toBe(false);
  helper.say('Tstatus\n');

  expect(await helper.next('status')).toMatchObject({ phase: 'finished' });
  expect(await helper.next('finished')).toMatchObject({
    reason: 'lease',
    fileSystems: [{ held: false }, { held: false }],
  });
  helper.drop();
});

test.each<[string, (helper: RawRun) => void]>([
  ['its connection breaks', (helper) => helper.drop()],
  ['its input ends', (helper) => helper.endInput()],
  ['it is told to abort', (helper) => helper.say('abort\n')],
])('a frozen guest writes again at once when %s', async (_name, end) => {
  const helper = await frozen();
  end(helper);

  await until(() => !guest.isFrozen(), 250);
  helper.drop();
  await until(() => guest.sessionCount() === 0);
});

test('release bytes before the hold are ignored, and one before a line does not spoil it', async () => {
  const helper = await prepared();
  helper.say('TTTfreeze\n');
  await helper.next('frozen');
  expect(guest.isFrozen()).toBe(true);
  helper.say('Tquit\n');
  expect(await helper.next('finished')).toMatchObject({ reason: 'released' });
  await helper.ended();
});

test('an abort during a slow FIFREEZE counts, and what the kernel then freezes is thawed', async () => {
  guest.knobs.freezeMs = 100;
  const helper = await prepared();
  helper.say('freeze\n');
  await until(() => events.events.some(({ kind, operation }) => kind === 'request' && operation === 'freeze'));
  helper.say('abort\n');

  expect(await helper.next('failed')).toMatchObject({ phase: 'freeze' });
  await helper.next('aborted');
  expect(guest.isFrozen()).toBe(false);
  helper.drop();
});

test('one that somebody else holds is EBUSY, is left as it is, and the others are thawed', async () => {
  expect(await guest.foreignFreeze('/')).toBe(0);
  expect(await guest.foreignFreeze('/')).toBe(16);
  const helper = await prepared();
  helper.say('freeze\n');

  expect(await helper.next('failed')).toMatchObject({ phase: 'freeze', object: '/', errno: 16 });
  expect(guest.isFrozen()).toBe(true);
  expect(guest.foreignThaw('/')).toBe(0);
  expect(guest.foreignThaw('/')).toBe(22);
  expect(guest.isFrozen()).toBe(false);
  helper.drop();
});

test('thawing during a freeze that is under way is EINVAL', async () => {
  guest.knobs.freezeMs = 50;
  const freezing = guest.foreignFreeze('/');
  expect(guest.foreignThaw('/')).toBe(22);
  await freezing;
  expect(guest.foreignThaw('/')).toBe(0);
});

test('a session is ended from another connection by boot id and token, also when its helper does not react', async () => {
  const helper = await frozen(60_000);
  const { bootId, token } = await helper.next('hello');
  guest.knobs.silent = true;
  for (const [words, found] of [
    [`release ${bootId} ${token}`, true],
    [`release ${bootId} ${token}`, false],
    [`release 00000000-0000-4000-8000-000000000000 ${token}`, false],
  ] as const) {
    const other = await run(words);
    expect(await other.next('released')).toEqual({ event: 'released', found });
    await other.ended();
    expect(guest.isFrozen()).toBe(false);
  }
  helper.drop();
});

test('commands out of order fail in words, and nothing is frozen by them', async () => {
  const helper = await run('serve');
  helper.say('freeze\n');
  expect(await helper.next('failed')).toMatchObject({ phase: 'idle', object: 'freeze' });
  helper.say('prepare 300 60000 5000 -\nfilesystem 8:1 /data\nready\n');
  await until(() => helper.events().length === 3);
  expect(helper.events()[2]).toMatchObject({ event: 'failed', object: '/data', message: 'is another device now' });
  expect(guest.isFrozen()).toBe(false);
  helper.drop();
});

test('a folder for scripts that neither is its own nor stands on its command line is refused, as the real helper does', async () => {
  const refused = [
    { args: 'serve', folder: '/etc/cron.daily' },
    { args: 'serve', folder: '/etc/snaphook/../cron.daily' },
    { args: 'serve --scripts /opt/quiet', folder: '/opt' },
  ];
  for (const { args, folder } of refused) {
    const helper = await run(args);
    helper.say(READY.replace(' -\n', ` ${folder}\n`));
    expect(await helper.next('failed')).toMatchObject({ object: folder });
    helper.drop();
  }
  const allowed = await run('serve --scripts /opt/quiet');
  allowed.say(READY.replace(' -\n', ' /opt/quiet\n'));
  await allowed.next('ready');
  allowed.drop();
});

test('scripts are told in reverse after the thaw, and freezeFail in place of thaw when the hold was lost', async () => {
  const told: string[] = [];
  guest.knobs.scripts = ['10', '20'].map((name) => ({
    name,
    run: async (phase) => {
      told.push(`${name} ${phase}`);
      return { exitCode: 0, output: '' };
    },
  }));
  const withScripts = async () => {
    const helper = await run('serve');
    helper.say(`${READY.replace(' -\n', ' /etc/snaphook/scripts.d\n')}freeze\n`);
    await helper.next('frozen');
    return helper;
  };
  const well = await withScripts();
  well.say('T');
  await well.next('finished');
  const lost = await withScripts();
  await lost.next('finished');

  expect(told).toEqual([
    ...['10 freeze', '20 freeze', '20 thaw', '10 thaw'],
    ...['10 freeze', '20 freeze', '20 freezeFail', '10 freezeFail'],
  ]);
  well.drop();
  lost.drop();
});

test('other commands, accounts without rights and a wrong password are answered as a real guest does', async () => {
  const missing = await rawRun(guest.port, ROOT, '/bin/nothing');
  await missing.ended();
  expect([missing.exitCode, missing.stderr]).toEqual([127, expect.stringMatching(/No such file/)]);
  const plain = await run('serve', { username: 'plain', password: 'plain-password' });
  await plain.ended();
  expect([plain.exitCode, plain.stderr]).toEqual([1, expect.stringMatching(/root/)]);
  const piped = await rawRun(guest.port, ROOT, `${HELPER} serve | tee /tmp/x`);
  await piped.ended();
  expect(events.events.some(({ kind }) => kind === 'unserved')).toBe(true);
  await expect(run('serve', { ...ROOT, password: 'wrong' })).rejects.toMatchObject({ level: 'client-authentication' });
});

test('rules act on the helper commands by name: before, it never came; after, its answer is lost', async () => {
  faults.add({ system: 'guest', operation: 'freeze', object: 'pg01', when: 'after', nth: 1, action: { do: 'hang' } });
  const helper = await prepared();
  helper.say('freeze\n');
  await until(() => guest.isFrozen());
  expect(helper.events().map(({ event }) => event)).toEqual(['hello', 'ready']);
  await helper.next('expired');
  helper.drop();
});

test.each([
  ['before', true],
  ['after', false],
] as const)(
  'a release by record that hangs %s its effect says nothing, and does not end',
  async (when, isStillFrozen) => {
    const holding = await frozen(60_000);
    const { bootId, token } = await holding.next('hello');
    faults.add({ system: 'guest', operation: 'exec release', when, nth: 1, action: { do: 'hang' } });

    const release = await run(`release ${bootId} ${token}`);
    await until(() => events.events.some(({ kind, operation }) => kind === 'fault' && operation === 'exec release'));
    expect(guest.isFrozen()).toBe(isStillFrozen);
    // By the time another one has been answered the first one would have been, too.
    const other = await run(`release ${bootId} ${token}`);
    await other.ended();

    expect(other.events()).toEqual([{ event: 'released', found: isStillFrozen }]);
    expect([release.events(), release.stderr, release.exitCode]).toEqual([[], '', undefined]);
    release.drop();
    holding.drop();
  },
);

test.each([
  ['connect', 'Exceeded MaxStartups', /ECONNRESET|lost|identification|handshake|Exceeded/i],
  ['login', '', /authentication methods failed/i],
  ['open channel', '', /open failure|refused/i],
])('a rule refuses at "%s", before any program runs', async (operation, body, words) => {
  faults.add({ system: 'guest', operation, when: 'before', action: { do: 'answer', status: 1, body } });

  await expect(run('serve')).rejects.toThrow(words);

  expect(guest.sessionCount()).toBe(0);
  faults.clear();
  await (await run('serve')).next('hello');
});

test('a connection that the guest ends in good order releases what its session held', async () => {
  const helper = await frozen(60_000);

  guest.endConnections();

  await helper.ended();
  await until(() => guest.sessionCount() === 0);
  expect(guest.isFrozen()).toBe(false);
});

test('an effect that is late comes when the client is gone', async () => {
  faults.add({ system: 'guest', operation: 'freeze', when: 'before', action: { do: 'late', afterMs: 20 } });
  const helper = await prepared();
  helper.say('freeze\n');
  await until(() => events.events.some(({ kind, operation }) => kind === 'fault' && operation === 'freeze'));
  expect(guest.isFrozen()).toBe(false);

  helper.drop();

  await until(() => events.events.some(({ kind, operation }) => kind === 'effect' && operation === 'Freeze'));
  await until(() => !guest.isFrozen());
});

test('a quit whose answer is withheld ends the session, and the client does not learn it', async () => {
  faults.add({ system: 'guest', operation: 'quit', when: 'after', action: { do: 'hang' } });
  const helper = await prepared();
  helper.say('quit\n');
  await until(() => events.events.some(({ kind, operation }) => kind === 'fault' && operation === 'quit'));
  expect(helper.exitCode).toBeUndefined();

  helper.drop();

  await until(() => guest.sessionCount() === 0);
});
