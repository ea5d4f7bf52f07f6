import { inspect } from 'node:util';
import { createWindowsGuests } from '../../../../src/guest/windows/windows-guest.ts';
import { WinRmError } from '../../../../src/guest/windows/winrm/winrm-error.ts';
import { winRmAccess } from '../../../../src/guest/windows/winrm-access.ts';
import type { FaultRule } from '../../../../src/lab/world/faults.ts';
import { systemClock } from '../../../../src/platform/clock.ts';
import type { Guest } from '../../../../src/ports/guest.ts';
import { failureOf, until } from '../../../contract/guest.ts';
import {
  SQL_WRITER_ID,
  startWindowsGuestWorld,
  type WindowsGuestWorld,
  type WorldChanges,
} from '../../../contract/windows-guest-world.ts';

let world: WindowsGuestWorld;
let guest: Guest;

const open = async (changes: WorldChanges = {}, kind: Parameters<typeof startWindowsGuestWorld>[0] = 'ntlm-http') => {
  world = await startWindowsGuestWorld(kind, changes);
  guest = world.guests.open(world.vm);
};
const within = (durationMs = 8000) => AbortSignal.timeout(durationMs);
let resume: Readonly<Record<string, string>> = {};
const onSession = async (record: Readonly<Record<string, string>>) => {
  resume = record;
};
const prepare = () => guest.prepare({ runId: 'l1k2m3n4-abcdef', diskUuids: world.diskUuids, onSession }, within());
const rule = (operation: string, when: FaultRule['when'], action: FaultRule['action']['do'] & ('drop' | 'hang')) =>
  world.faults.add({ system: 'guest', operation, when, action: { do: action } });
const count = (operation: string, kind = 'request') =>
  world.events.events.filter((event) => event.kind === kind && event.operation === operation).length;

afterEach(async () => {
  world.faults.clear();
  await guest?.close();
  await world.close();
});

describe('reaching the guest', () => {
  test('a wrong password is E_GUEST_LOGIN, tried once only, and named nowhere', async () => {
    await open({ winrm: { password: async () => 'wröng-pass' } });

    const failure = await failureOf(prepare());
    await guest.close();

    expect(failure).toMatchObject({ code: 'E_GUEST_LOGIN', retry: 'never' });
    expect(failure.message).toContain('"sql01"');
    expect(inspect(failure, { depth: 10, showHidden: true })).not.toContain('wröng-pass');
    expect(count('log-on refused', 'effect')).toBe(1);
  });

  test('without a domain controller the guest is E_GUEST_UNREACHABLE, which may pass, and a ticket is asked for again', async () => {
    let calls = 0;
    const ticket = async () => {
      calls += 1;
      throw new WinRmError({ kind: 'no-domain-controller', reason: 'nobody there', advice: 'Look for one.' });
    };
    await open();
    const { address, scheme, port } = world.winrm;
    const login = { authentication: 'kerberos', username: 'backup@LAB.EXAMPLE', ticket } as const;
    const access = winRmAccess({ address, scheme, ...(port && { port }), ...login }, systemClock);
    const guests = createWindowsGuests({ clock: systemClock, settingsFor: () => ({ access }) });

    for (const expected of [1, 2]) {
      guest = guests.open(world.vm);
      const failure = await failureOf(prepare());
      expect(failure).toMatchObject({ code: 'E_GUEST_UNREACHABLE', retry: 'safe', hint: 'Look for one.' });
      expect(failure.message).toMatch(/"sql01" as "backup@LAB.EXAMPLE": nobody there/);
      expect(calls).toBe(expected);
    }
    expect(world.connectionCount()).toBe(0);
  });

  test('Basic without TLS is refused before anything is sent', async () => {
    await open({ winrm: { authentication: 'basic' } });

    expect(await failureOf(prepare())).toMatchObject({ code: 'E_GUEST_LOGIN' });
    expect(world.connectionCount()).toBe(0);
  });

  test('a method the guest does not offer is told with those it offers', async () => {
    await open({ service: { basic: false } }, 'basic-https');

    const failure = await failureOf(prepare());

    expect(failure.code).toBe('E_GUEST_LOGIN');
    expect(failure.message).toContain('Negotiate');
  });

  test('an untrusted certificate is refused with its fingerprint, before a request, and that fingerprint can be pinned', async () => {
    await open({ winrm: { tls: {} } }, 'basic-https');
    const failure = await failureOf(prepare());
    expect(failure.code).toBe('E_TLS_UNTRUSTED');
    expect(count('Create')).toBe(0);
    const fingerprint256 = /([0-9A-F]{2}:){31}[0-9A-F]{2}/.exec(failure.message)?.[0] ?? '';

    const pinned = createWindowsGuests({
      clock: systemClock,
      settingsFor: () => ({ access: winRmAccess({ ...world.winrm, tls: { fingerprint256 } }, systemClock) }),
    }).open(world.vm);
    const prepared = await pinned.prepare(
      { runId: 'l1k2m3n4-abcdef', diskUuids: world.diskUuids, onSession },
      within(),
    );
    await pinned.close();

    expect(prepared.helper).toContain('snaphook-vss');
  });

  test('another certificate than the pinned one is refused although an authority signed it', async () => {
    await open({ winrm: { tls: { fingerprint256: 'ab'.repeat(32) } } }, 'ntlm-https');

    expect(await failureOf(prepare())).toMatchObject({ code: 'E_TLS_UNTRUSTED' });
    expect(count('Authenticate')).toBe(0);
  });

  test('a closed port is E_GUEST_UNREACHABLE with the address', async () => {
    await open();
    await world.lab.close();

    const failure = await failureOf(prepare());

    expect(failure).toMatchObject({ code: 'E_GUEST_UNREACHABLE' });
    expect(failure.message).toContain('127.0.0.1');
  });

  test('an exhausted shell quota is E_GUEST_QUOTA and may be tried again', async () => {
    await open({ service: { maxShellsPerUser: 1 } });
    await prepare();
    const second = world.guests.open(world.vm);

    const failure = await failureOf(
      second.prepare({ runId: 'l1k2m3n4-abcdeg', diskUuids: world.diskUuids, onSession }, within()),
    );
    await second.close();

    expect(failure).toMatchObject({ code: 'E_GUEST_QUOTA', retry: 'safe' });
  });

  test('a guest without the helper is E_GUEST_HELPER with the path looked at, and its shell is taken away', async () => {
    await open();
    world.lab.vss.helperInstalled = false;

    const failure = await failureOf(prepare());
    await guest.close();

    expect(failure.code).toBe('E_GUEST_HELPER');
    expect(failure.message).toContain('C:\\Program Files\\snaphook\\snaphook-vss.exe');
    expect(world.sessionCount()).toBe(0);
  });

  test.each(['either', 'quoted', 'unquoted'] as const)(
    'the helper below "Program Files" starts in a guest that takes its path %s, with one shell and one helper',
    async (programQuoting) => {
      await open({ service: { programQuoting, maxShellsPerUser: 1, maxProcessesPerShell: 1 } });

      expect((await prepare()).helper).toContain('snaphook-vss');
      expect(count('Command')).toBe(programQuoting === 'unquoted' ? 2 : 1);
    },
  );

  test('another program in the place of the helper is E_GUEST_HELPER', async () => {
    await open({ settings: { helperPath: 'C:\\Windows\\System32\\hostname.exe' } });

    const failure = await failureOf(prepare());

    expect(failure.code).toBe('E_GUEST_HELPER');
    expect(failure.message).toContain('SQL01');
  });

  test('a VM without settings is E_CONFIG with its name', async () => {
    await open();

    expect(() => world.guests.open({ name: 'web07', address: undefined })).toThrow(
      expect.objectContaining({ code: 'E_CONFIG', message: expect.stringContaining('"web07"') }),
    );
  });
});

describe('writers', () => {
  test('a required writer that failed before the freeze is E_WRITER_FAILED with its name, result and what to do', async () => {
    await open();
    world.lab.vss.failWriter(SQL_WRITER_ID, 'prepare-backup', '0x800423F4');

    const failure = await failureOf(prepare());

    expect(failure.code).toBe('E_WRITER_FAILED');
    expect(failure.message).toMatch(/"SqlServerWriter".*VSS_E_WRITERERROR_NONRETRYABLE \(0x800423F4\)/);
    expect(failure.hint).toContain('Restart the service');
  });

  test('a failed writer that is not required stops nothing', async () => {
    await open();
    world.lab.vss.failWriter('4969d978-be47-48b0-b100-f328f07ac1e0', 'prepare-backup', '0x800423F4');

    expect(await prepare()).toMatchObject({
      writersBefore: [
        { name: 'SqlServerWriter', required: true },
        { name: 'BITS Writer', required: false },
      ],
    });
  });

  test('a writer required by name that takes no part is an error', async () => {
    await open({ settings: { requiredWriters: ['sqlserver*', 'NTDS'] } });

    const failure = await failureOf(prepare());

    expect(failure.code).toBe('E_WRITER_FAILED');
    expect(failure.message).toContain('"NTDS"');
  });

  test('a writer that fails at the thaw is in the evidence, although VSS itself finished', async () => {
    await open();
    world.lab.vss.failWriter(SQL_WRITER_ID, 'thaw', '0x800423F2');
    await prepare();
    await guest.freeze(within());
    await guest.thaw(within());

    const evidence = await guest.finish(within());

    expect(evidence.finished).toBe(true);
    expect(evidence).toMatchObject({
      writersAfter: expect.arrayContaining([
        expect.objectContaining({ name: 'SqlServerWriter', hresult: '0x800423F2', required: true }),
      ]),
    });
  });

  test('a copy backup is completed at once, so that writers stop waiting, and truncates no log', async () => {
    await open();
    await prepare();
    await guest.freeze(within());
    await guest.thaw(within());
    await guest.finish(within());

    const completed = world.events.events.find(({ operation }) => operation === 'BackupComplete');
    expect(completed?.detail).toMatchObject({ backupType: 'copy', logsTruncated: false });
  });

  test('VSS in use by another program is told as such', async () => {
    await open();
    await prepare();
    const second = world.guests.open(world.vm);

    const failure = await failureOf(
      second.prepare({ runId: 'l1k2m3n4-abcdeg', diskUuids: world.diskUuids, onSession }, within()),
    );
    await second.close();

    expect(failure.message).toContain('VSS_E_SNAPSHOT_SET_IN_PROGRESS');
  });
});

test('a session that ran out of time before its shell was ended is not called closed', async () => {
  await open({ settings: { closeTimeoutMs: 300 } });
  await prepare();
  rule('Receive', 'after', 'hang');

  expect(await guest.close()).toBe('unknown');

  expect(world.sessionCount()).toBe(1);
  await world.guests.closeLeftover(world.vm, { resume, mayStandStill: false }, within());
  expect(world.sessionCount()).toBe(0);
});

test('a session whose helper died holding is not called closed, nor a leftover ended, before Windows has ended the hold', async () => {
  await open({ settings: { holdMs: 3000 } });
  await prepare();
  await guest.freeze(within());
  rule('Send', 'before', 'hang');

  expect(await guest.close()).toBe('unknown');
  expect(world.isFrozen()).toBe(true);
  await world.guests.closeLeftover(world.vm, { resume, mayStandStill: true }, within());

  expect(world.isFrozen()).toBe(false);
});

describe('before the freeze', () => {
  test('the sending connection is kept warm until the freeze, and not used in it', async () => {
    await open({ settings: { keepWarmMs: 20 } });
    await prepare();
    await until(() => count('Send') >= 3, 'the connection was used twice');
    await guest.freeze(within());
    const sends = count('Send');
    await new Promise((resolve) => setTimeout(resolve, 100));

    expect(count('Send')).toBe(sends);
    expect((await guest.thaw(within())).kind).toBe('released');
  });

  test('a freeze on a broken connection fails without effect and opens none', async () => {
    await open({ settings: { keepWarmMs: 20 } });
    await prepare();
    rule('Send', 'before', 'drop');
    await until(() => count('Send', 'fault') > 0, 'the connection broke');
    await new Promise((resolve) => setTimeout(resolve, 20));
    const connections = world.connectionCount();

    expect(await failureOf(guest.freeze(within()))).toMatchObject({ code: 'E_FREEZE_FAILED', effect: 'none' });
    expect(world.connectionCount()).toBe(connections);
  });

  test('a shell that somebody deleted makes the freeze fail', async () => {
    await open();
    await prepare();
    await world.guests.closeLeftover(world.vm, { resume, mayStandStill: false }, within());

    expect(await failureOf(guest.freeze(within()))).toMatchObject({ name: 'SnaphookError' });
    await guest.thaw(within());
    expect(world.isFrozen()).toBe(false);
  });

  test('a quiet guest is waited for longer than one Receive lasts', async () => {
    await open({ winrm: { operationTimeoutMs: 50 } });
    await prepare();
    await until(() => count('Receive') > 5, 'Receive was repeated');
    await guest.freeze(within());

    expect((await guest.thaw(within())).kind).toBe('released');
  });
});

describe('trouble between freeze and thaw', () => {
  test('a Receive whose connection breaks makes the freeze unknown, and the thaw ends it', async () => {
    await open({ settings: { holdMs: 9000 } });
    await prepare();
    const heal = rule('Receive', 'after', 'drop');

    expect(await failureOf(guest.freeze(within()))).toMatchObject({ effect: 'unknown' });
    heal();
    await guest.thaw(within());

    expect(world.isFrozen()).toBe(false);
  });

  test('a thaw whose confirmation is lost still ends confirmed, but proves nothing', async () => {
    await open({ settings: { holdMs: 9000 } });
    await prepare();
    await guest.freeze(within());
    world.faults.add({ system: 'guest', operation: 'Receive', when: 'after', nth: 1, action: { do: 'drop' } });

    const verdict = await guest.thaw(within());

    expect(world.isFrozen()).toBe(false);
    expect(verdict.kind).toBe('expired');
  });

  test('a thaw leaves while Receive hangs, and ends the helper when nothing is ever heard', async () => {
    await open({ settings: { holdMs: 1500 } });
    await prepare();
    await guest.freeze(within());
    rule('Receive', 'after', 'hang');
    const thawing = guest.thaw(within());
    await until(() => !world.isFrozen(), 'the guest was released');

    expect((await thawing).kind).toBe('expired');
    expect(world.sessionCount()).toBe(0);
    expect(await failureOf(guest.finish(within()))).toMatchObject({ name: 'SnaphookError' });
  });

  test('a Receive that hangs without breaking is replaced, and the helper is left alone', async () => {
    await open({ settings: { holdMs: 9000 } });
    await prepare();
    await guest.freeze(within());
    world.faults.add({ system: 'guest', operation: 'Receive', when: 'after', nth: 1, action: { do: 'hang' } });

    expect((await guest.thaw(within())).kind).toBe('expired');
    expect(world.isFrozen()).toBe(false);
    expect(world.sessionCount()).toBe(1);
  });

  test.each(['before', 'after'] as const)(
    'a sending connection that breaks %s the release is replaced',
    async (when) => {
      await open({ settings: { holdMs: 9000 } });
      await prepare();
      await guest.freeze(within());
      world.faults.add({ system: 'guest', operation: 'Send', when, nth: 1, action: { do: 'drop' } });

      expect((await guest.thaw(within())).kind).toBe('released');
      expect(world.isFrozen()).toBe(false);
    },
  );

  test('a release need not wait for the answer to the freeze', async () => {
    await open({ settings: { holdMs: 9000, thawPatienceMs: 5000 } });
    await prepare();
    world.faults.add({ system: 'guest', operation: 'Send', when: 'after', nth: 1, action: { do: 'hang' } });
    await guest.freeze(within());

    expect((await guest.thaw(within())).kind).toBe('released');
  });

  test('when no release gets through, the helper is ended, and the hold that outlives it is waited for', async () => {
    await open({ settings: { holdMs: 1500 } });
    await prepare();
    await guest.freeze(within());
    rule('Send', 'before', 'hang');

    const thawing = guest.thaw(within());
    await until(() => world.sessionCount() === 0, 'the shell was ended');
    expect(world.isFrozen()).toBe(true);
    expect((await thawing).kind).toBe('expired');
    expect(world.isFrozen()).toBe(false);
  });

  test('a hold that outlives its helper for longer than the thaw may take is not confirmed', async () => {
    await open({ settings: { holdMs: 3000 } });
    await prepare();
    await guest.freeze(within());
    rule('Send', 'before', 'hang');

    const failure = await failureOf(guest.thaw(within(1500)));

    expect(failure).toMatchObject({ code: 'E_THAW_UNCONFIRMED', effect: 'unknown' });
    expect(world.sessionCount()).toBe(0);
    expect(world.isFrozen()).toBe(true);
  });

  test('when nothing gets through at all, the thaw says so at its deadline and may be tried again', async () => {
    await open({ settings: { holdMs: 9000 } });
    await prepare();
    await guest.freeze(within());
    rule('Send', 'before', 'hang');
    rule('Delete', 'before', 'hang');

    const failure = await failureOf(guest.thaw(within(1200)));
    expect(failure).toMatchObject({ code: 'E_THAW_UNCONFIRMED', effect: 'unknown' });
    expect(world.isFrozen()).toBe(true);
    world.faults.clear();
    await guest.thaw(within());

    expect(world.isFrozen()).toBe(false);
  });
});
