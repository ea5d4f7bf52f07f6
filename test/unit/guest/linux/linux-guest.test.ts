import { FREEZE_SOON, failureOf, until } from '../../../contract/guest.ts';
import { type LinuxGuestWorld, startLinuxGuestWorld, type WorldChanges } from '../../../contract/linux-guest-world.ts';

const within = (durationMs = 8000): AbortSignal => AbortSignal.timeout(durationMs);
let world: LinuxGuestWorld;
afterEach(() => world.close());

async function open(changes: WorldChanges = {}, kind: Parameters<typeof startLinuxGuestWorld>[0] = 'key') {
  world = await startLinuxGuestWorld(kind, changes);
  const guest = world.guests.open(world.vm);
  const request = { runId: 'l1k2m3n4-abcdef', diskUuids: world.diskUuids, onSession: async () => undefined };
  const inspect = () => guest.prepare(request, within());
  const prepare = async () => {
    await inspect();
    return await guest.quiet(FREEZE_SOON, within());
  };
  return { guest, inspect, prepare };
}

const script = (name: string, exitCode: number, output: string) => ({
  name,
  run: async () => ({ exitCode, output }),
});

describe('what keeps a guest from being prepared is told apart', () => {
  test('a wrong host key: refused with its fingerprint, and no login is tried', async () => {
    const fingerprints = [`SHA256:${'A'.repeat(43)}`];
    const { prepare } = await open({ settings: { trust: () => ({ kind: 'fingerprints', fingerprints }) } });

    const failure = await failureOf(prepare());

    expect(failure).toMatchObject({ code: 'E_TLS_UNTRUSTED', hint: expect.stringMatching(/ssh\.hostKeys/) });
    expect(failure.message).toContain(world.lab.hostKeyFingerprint);
    expect(world.events.events.filter(({ operation }) => operation.startsWith('login'))).toEqual([]);
  });

  test('a wrong password: tried once, also by a later connection, and never repeated in a message', async () => {
    const password = async () => 'wr0ng';
    const { guest, prepare } = await open({ settings: { login: { kind: 'password', password } } });

    const failure = await failureOf(prepare());
    await guest.close();
    await failureOf(prepare());

    expect(failure).toMatchObject({ code: 'E_GUEST_LOGIN', message: expect.stringMatching(/"pg01".*"root"/) });
    expect(JSON.stringify(failure)).not.toContain('wr0ng');
    expect(world.events.events.filter(({ operation }) => operation === 'login password')).toHaveLength(1);
  });

  test('a password that PAM asks for in its own way is given there', async () => {
    const { guest, prepare } = await open({}, 'keyboard-interactive');

    expect((await prepare()).volumes).toHaveLength(2);
    await guest.close();
  });

  test.each([
    ['no key at all', async () => 'hello', undefined],
    ['a wrong passphrase', undefined, async () => 'another'],
  ])('a private key that is of no use, %s: no connection is made', async (_name, privateKey, passphrase) => {
    const { prepare } = await open({}, 'encrypted-key');
    const { login } = world.settings;
    if (login.kind !== 'key') throw new Error('the world logs in by key');
    const changed = { ...login, ...(privateKey && { privateKey }), ...(passphrase && { passphrase }) };
    Object.assign(world.settings, { login: changed });
    const guest = world.guests.open(world.vm);
    const request = { runId: 'r', diskUuids: world.diskUuids, onSession: async () => undefined };

    expect(await failureOf(guest.prepare(request, within()))).toMatchObject({ code: 'E_SECRET' });
    expect(world.connectionCount()).toBe(0);
    await prepare();
  });

  test('nobody listens there', async () => {
    const { prepare } = await open({ settings: { port: 9 } });

    expect(await failureOf(prepare())).toMatchObject({ code: 'E_GUEST_UNREACHABLE', retry: 'safe' });
  });

  test('a missing helper: told how to install it', async () => {
    const { prepare } = await open();
    world.lab.knobs.helperInstalled = false;

    expect(await failureOf(prepare())).toMatchObject({
      code: 'E_GUEST_HELPER',
      message: expect.stringMatching(/exit code 127.*No such file/),
      hint: expect.stringMatching(/Install .*\/usr\/local\/sbin\/snaphook-freeze/),
    });
  });

  test('an account that sudo refuses: told what sudoers needs', async () => {
    const { prepare } = await open({ settings: { username: 'nobody', sudo: true } }, 'password');

    expect(await failureOf(prepare())).toMatchObject({
      code: 'E_GUEST_HELPER',
      message: expect.stringMatching(/a password is required/),
      hint: expect.stringMatching(/sudoers: nobody ALL=\(root\) NOPASSWD/),
    });
  });

  test('an account that is not root and uses no sudo', async () => {
    const { prepare } = await open({ settings: { username: 'nobody' } }, 'password');

    expect(await failureOf(prepare())).toMatchObject({
      code: 'E_GUEST_HELPER',
      message: expect.stringMatching(/must be started as root/),
    });
  });

  test('something in between that prints: shown, and nothing is frozen', async () => {
    const { prepare } = await open();
    world.faults.add({
      system: 'guest',
      operation: 'facts',
      when: 'before',
      action: { do: 'answer', status: 0, body: 'Last login: yesterday' },
    });

    expect(await failureOf(prepare())).toMatchObject({
      code: 'E_GUEST_HELPER',
      message: expect.stringMatching(/outside its protocol: Last login/),
    });
  });

  test('a script that fails: named with its words, and the session is over', async () => {
    const { prepare } = await open();
    world.lab.knobs.scripts = [script('10-db', 1, 'no such database\n')];

    const failure = await failureOf(prepare());

    expect(failure).toMatchObject({ code: 'E_GUEST', message: expect.stringMatching(/10-db.*no such database/) });
    expect(world.sessionCount()).toBe(0);
  });

  test('a guest that became another machine since its facts were told', async () => {
    const { prepare } = await open();
    world.faults.add({
      system: 'guest',
      operation: 'ready',
      when: 'before',
      action: { do: 'call', run: () => world.lab.reboot() },
    });

    expect((await failureOf(prepare())).code).toMatch(/^E_GUEST/);
  });
});

test('applications are quiet when a script that ended well says so on a line of its own', async () => {
  const { guest, prepare } = await open({ settings: { applications: ['postgres', 'redis'] } });
  world.lab.knobs.scripts = [script('10-pg', 0, 'checkpoint\nquiet postgres\n'), script('20', 0, 'not quiet redis\n')];

  const prepared = await prepare();

  expect(prepared).toMatchObject({
    applications: [
      { name: 'postgres', required: true, quiet: true },
      { name: 'redis', required: true, quiet: false },
    ],
    scripts: [
      { name: '10-pg', phase: 'freeze', exitCode: 0 },
      { name: '20', phase: 'freeze', exitCode: 0 },
    ],
  });
  await guest.close();
});

test.each([
  ['the folder of its own', '/etc/snaphook/scripts.d'],
  ['a folder elsewhere, on the command line', '/opt/quiet'],
])('scripts may lie in %s', async (_, scriptsDirectory) => {
  const { guest, prepare } = await open({ settings: { scriptsDirectory } });
  world.lab.knobs.scripts = [script('10', 0, '')];

  expect(await prepare()).toMatchObject({ scripts: [{ name: '10', exitCode: 0 }] });
  await guest.close();
});

test('a line of which the helper tells only the end does not count as the word for an application', async () => {
  const { guest, prepare } = await open({ settings: { applications: ['cut', 'whole'] } });
  const output = `quiet cut\n${'x'.repeat(1977)}\nquiet whole\n`;
  expect(output).toHaveLength(2000);
  world.lab.knobs.scripts = [script('10', 0, output)];

  expect(await prepare()).toMatchObject({
    applications: [
      { name: 'cut', quiet: false },
      { name: 'whole', quiet: true },
    ],
  });
  await guest.close();
});

describe('the word of a plug-in counts', () => {
  const instance = (devices: readonly string[]) => ({ name: 'main', directories: ['/srv/ledger/pg'], devices });
  const answers = (...lines: readonly object[]) => lines.map((line) => `${JSON.stringify(line)}\n`).join('');
  const found = (...instances: readonly object[]) => ({ event: 'discovered', instances });
  const QUIESCED = { event: 'quiesced' };
  /** The first partition of the first disk. */
  const FROZEN = '8:1';

  test.each<[string, () => string, number, object | undefined]>([
    ['as long as all of it stands still', () => answers(found(instance([FROZEN])), QUIESCED), 0, { quiet: true }],
    ['without discover', () => answers({ event: 'not-implemented' }, QUIESCED), 0, { quiet: true }],
    [
      'not with files elsewhere',
      () => answers(found(instance([FROZEN, '9:9'])), QUIESCED),
      0,
      {
        quiet: false,
        problem: expect.stringMatching(/"main" has files on .* does not stand still.*\/srv\/ledger\/pg/),
      },
    ],
    [
      'not with an instance that lies nowhere',
      () => answers(found(instance([FROZEN]), instance([])), QUIESCED),
      0,
      { quiet: false, problem: expect.stringMatching(/"main" tells no file system/) },
    ],
    [
      'not without an instance',
      () => answers(found(), QUIESCED),
      0,
      { quiet: false, problem: expect.stringMatching(/no instance/) },
    ],
    [
      'not when its answer is no JSON',
      () => '{"event":"discovered","instances"\n{"event":"quiesced"}\n',
      0,
      { quiet: false, problem: expect.stringMatching(/nobody understands/) },
    ],
    [
      'not when it failed, whose reason is told',
      () => answers(found(), { event: 'failed', message: 'no login' }),
      1,
      { quiet: false, problem: 'no login' },
    ],
    ['not when it did not answer', () => '', -1, { quiet: false, problem: expect.stringMatching(/no answer/) }],
    ['and is not missed when there is nothing for it to do', () => '', 99, undefined],
  ])('%s', async (_, output, exitCode, expected) => {
    const { guest, prepare } = await open();
    world.lab.knobs.plugIns = [{ name: 'pg', run: async () => ({ exitCode, output: output() }) }];

    const { applications } = (await prepare()) as { applications: readonly object[] }; // a Linux guest

    expect(applications).toEqual(expected === undefined ? [] : [{ name: 'pg', required: false, ...expected }]);
    await guest.close();
  });

  test('a script does not speak over it', async () => {
    const { guest, prepare } = await open({ settings: { applications: ['pg'] } });
    world.lab.knobs.scripts = [script('pg', 0, 'quiet pg\n')];
    world.lab.knobs.plugIns = [{ name: 'pg', run: async () => ({ exitCode: -1, output: '' }) }];

    expect(await prepare()).toMatchObject({ applications: [{ name: 'pg', required: true, quiet: false }] });
    await guest.close();
  });

  test('it is asked after the scripts, told the end before them, and told how the freeze ended', async () => {
    const { guest, prepare } = await open();
    const told: string[] = [];
    const listening = (name: string) => ({
      name,
      run: async (phase: string) => ({ exitCode: told.push(`${name} ${phase}`) && 0, output: '' }),
    });
    world.lab.knobs.scripts = [listening('script')];
    world.lab.knobs.plugIns = [listening('plug-in')];
    await prepare();
    await guest.freeze(within());
    await guest.thaw(within());

    const evidence = await guest.finish(within());

    expect(told).toEqual(['script freeze', 'plug-in freeze', 'plug-in thaw', 'script thaw']);
    expect(evidence).toMatchObject({ scripts: [{ kind: 'plug-in', phase: 'thaw' }, { kind: 'script' }] });
    await guest.close();
  });
});

describe('applications are quiet no longer than they have to be', () => {
  const told: string[] = [];
  const listening = { name: '10', run: async (phase: string) => ({ exitCode: told.push(phase) && 0, output: '' }) };
  beforeEach(() => told.splice(0));

  test('no script runs before the guest is made quiet', async () => {
    const { guest, inspect } = await open();
    world.lab.knobs.scripts = [listening];

    expect(await inspect()).toMatchObject({ scripts: [] });

    expect(told).toEqual([]);
    await guest.quiet(FREEZE_SOON, within());
    expect(told).toEqual(['freeze']);
    await guest.close();
  });

  test('a thaw in place of the freeze ends it at once, and no freeze can come any more', async () => {
    const { guest, prepare } = await open();
    world.lab.knobs.scripts = [listening];
    await prepare();

    expect(await guest.thaw(within())).toEqual({ kind: 'expired', heldMs: 0 });

    await until(() => told.includes('freezeFail'), 'the scripts were told that no freeze comes');
    await expect(guest.freeze(within())).rejects.toThrow(/is not quiet/);
    expect(await guest.close()).toBe('closed');
    expect(told).toEqual(['freeze', 'freezeFail']);
  });

  test('the guest ends it by itself when no freeze comes in the time that was told', async () => {
    const { guest, inspect } = await open();
    world.lab.knobs.scripts = [listening];
    await inspect();
    await guest.quiet({ freezeWithinMs: 200 }, within());

    await until(() => told.includes('freezeFail'), 'the guest gave up waiting');

    expect((await failureOf(guest.freeze(within()))).code).toBe('E_FREEZE_FAILED');
    await guest.close();
  });
});

describe('a guest that stands still is released whatever happened to its channel', () => {
  test('the release is lost: it is sent again, and the evidence is whole', async () => {
    const { guest, prepare } = await open();
    world.faults.add({ system: 'guest', operation: 'release', when: 'before', nth: 1, action: { do: 'hang' } });
    await prepare();
    await guest.freeze(within());

    expect((await guest.thaw(within())).kind).toBe('released');
    expect(await guest.finish(within())).toMatchObject({ finished: true, flushed: true });
    await guest.close();
  });

  test('the connection breaks: the guest is released over another one, without proof of the window', async () => {
    const { guest, prepare } = await open({ settings: { leaseMs: 60_000 } });
    await prepare();
    await guest.freeze(within());
    world.faults.add({ system: 'guest', operation: 'release', when: 'before', action: { do: 'drop' } });

    const verdict = await guest.thaw(within());

    expect(verdict.kind).toBe('expired');
    expect(world.isFrozen()).toBe(false);
    expect(await failureOf(guest.finish(within()))).toMatchObject({ code: 'E_GUEST_UNREACHABLE' });
    expect(await guest.close()).toBe('closed');
  });

  test('the helper is deaf and dumb: its record is released over another connection, long before the lease ends', async () => {
    const { guest, prepare } = await open({ settings: { leaseMs: 60_000 } });
    await prepare();
    await guest.freeze(within());
    world.lab.knobs.silent = true;

    const verdict = await guest.thaw(within());

    expect(verdict.kind).toBe('expired');
    expect(world.isFrozen()).toBe(false);
    expect(await failureOf(guest.finish(within()))).toMatchObject({ code: 'E_GUEST' });
    expect(await guest.close()).toBe('closed');
    expect(world.sessionCount()).toBe(0);
  });

  test('a release by record that fails too is tried until it is confirmed', async () => {
    const { guest, prepare } = await open({ settings: { leaseMs: 60_000 } });
    await prepare();
    await guest.freeze(within());
    world.lab.knobs.silent = true;
    world.faults.add({ system: 'guest', operation: 'exec release', when: 'before', nth: 1, action: { do: 'drop' } });

    expect((await guest.thaw(within())).kind).toBe('expired');
    expect(world.isFrozen()).toBe(false);
    expect(await guest.close()).toBe('closed');
  });

  test('a guest nobody can reach any more stays unconfirmed when the time is over', async () => {
    const { guest, prepare } = await open({ settings: { leaseMs: 60_000 } });
    await prepare();
    await guest.freeze(within());
    world.lab.knobs.silent = true;
    world.faults.add({ system: 'guest', operation: 'exec release', when: 'before', action: { do: 'hang' } });

    expect(await failureOf(guest.thaw(within(600)))).toMatchObject({ code: 'E_THAW_UNCONFIRMED', effect: 'unknown' });
    world.faults.clear();
    expect(await guest.close()).toBe('closed');
    expect(world.isFrozen()).toBe(false);
  });

  test('a guest that was started again holds nothing, and the record of its session says so', async () => {
    const { guest, prepare } = await open({ settings: { leaseMs: 60_000 } });
    await prepare();
    await guest.freeze(within());
    world.lab.reboot();

    expect((await guest.thaw(within())).kind).toBe('expired');
    expect(await guest.close()).toBe('closed');
  });
});

describe('a freeze that does not hold is an error, and nothing stands still after it', () => {
  test('one file system refuses: the others are thawed, it is named with its reason', async () => {
    const { guest, prepare } = await open();
    world.lab.knobs.failingFreeze = { mountPoint: '/', errno: 95 };
    await prepare();

    const failure = await failureOf(guest.freeze(within()));

    expect(failure).toMatchObject({
      code: 'E_FREEZE_FAILED',
      effect: 'none',
      message: expect.stringMatching(/"pg01".*"\/"/),
      hint: expect.stringMatching(/cannot be frozen/),
    });
    expect(world.isFrozen()).toBe(false);
    await guest.close();
  });

  test('it takes longer than the lease', async () => {
    const { guest, prepare } = await open({ settings: { leaseMs: 100 } });
    world.lab.knobs.freezeMs = 80;
    await prepare();

    expect(await failureOf(guest.freeze(within()))).toMatchObject({ code: 'E_FREEZE_FAILED' });
    await guest.thaw(within());
    expect(world.isFrozen()).toBe(false);
    await guest.close();
  });

  test('the connection broke after the preparation: found before anything is asked', async () => {
    const { guest, prepare } = await open();
    await prepare();
    world.lab.reboot();
    await until(() => world.sessionCount() === 0, 'the session was gone');

    expect((await failureOf(guest.freeze(within()))).code).toBe('E_FREEZE_FAILED');
    await guest.close();
  });

  test('given up in a slow freeze: the thaw ends it as soon as the kernel lets go', async () => {
    const { guest, prepare } = await open({ settings: { leaseMs: 60_000 } });
    world.lab.knobs.freezeMs = 300;
    await prepare();

    expect(await failureOf(guest.freeze(within(50)))).toMatchObject({ code: 'E_FREEZE_FAILED', effect: 'unknown' });
    expect((await guest.thaw(within())).kind).toBe('expired');
    await until(() => !world.isFrozen(), 'it was thawed');
    await guest.close();
  });
});

test('a file system that somebody else thawed is no proof of the window', async () => {
  const { guest, prepare } = await open();
  await prepare();
  await guest.freeze(within());
  world.lab.foreignThaw('/data');

  const verdict = await guest.thaw(within());

  expect(verdict.kind).toBe('expired');
  expect(await guest.finish(within())).toMatchObject({
    result: 'foreign',
    finished: false,
    fileSystems: [
      { name: '/data', heldToTheEnd: false },
      { name: '/', heldToTheEnd: true },
    ],
  });
  await guest.close();
});

test('a helper that says thawed before anybody has asked it to let go held nothing for us', async () => {
  const { guest, prepare } = await open();
  await prepare();
  const body = '{"event":"frozen","freezeMs":1}\n{"event":"thawed","heldMs":7.5}\n';
  world.faults.add({ system: 'guest', operation: 'freeze', when: 'before', action: { do: 'answer', status: 0, body } });
  await guest.freeze(within());

  expect(await guest.thaw(within())).toEqual({ kind: 'expired', heldMs: 7.5 });
  await guest.close();
});

test('a record of another boot, or of a session that is over, is no leftover', async () => {
  const { prepare } = await open();
  await prepare();
  const resume = { bootId: '00000000-0000-4000-8000-000000000000', token: '0'.repeat(32) };

  await world.guests.closeLeftover(world.vm, { resume, mayStandStill: true }, within());
  await world.guests.closeLeftover(world.vm, { resume: {}, mayStandStill: true }, within());
});

test('a leftover that the guest cannot thaw by its record is not ended: E_GUEST that names what stands still', async () => {
  const { prepare } = await open();
  await prepare();
  world.lab.knobs.failingRelease = { mountPoint: '/data' };
  const resume = { bootId: '00000000-0000-4000-8000-000000000000', token: '0'.repeat(32) };

  await expect(world.guests.closeLeftover(world.vm, { resume, mayStandStill: true }, within())).rejects.toMatchObject({
    code: 'E_GUEST',
    message: expect.stringContaining('"/data" is mounted, but no mount point leads to it'),
    hint: expect.stringContaining('fsfreeze --unfreeze'),
    effect: 'unknown',
  });
});
