import { composeGuests } from '../../../../src/cli/compose-guests.ts';
import { guest as guestSchema } from '../../../../src/config/guest-settings.ts';
import { AccountLogins } from '../../../../src/guest/windows/account-logins.ts';
import { systemClock } from '../../../../src/platform/clock.ts';
import type { GuestOperationsServer } from '../../../../src/ports/guest-operations.ts';
import { startWindowsGuestWorld, type WindowsGuestWorld } from '../../../contract/windows-guest-world.ts';

let world: WindowsGuestWorld;
beforeAll(async () => {
  world = await startWindowsGuestWorld('ntlm-http', { ssh: 'cmd' });
});
afterAll(() => world.close());

const noServer: GuestOperationsServer = {
  of: () => {
    throw new Error('no guest operations here');
  },
  close: async () => undefined,
  endSession: async () => undefined,
};
/** Twenty guests of one job, each of which is the lab's, log in at the same moment. */
async function prepareAll(settings: Readonly<Record<string, unknown>>): Promise<readonly string[]> {
  const guests = composeGuests([guestSchema.parse({ vms: ['sql*'], ...settings })], systemClock, noServer);
  const request = { runId: 'l1k2m3n4-abcdef', diskUuids: world.diskUuids, onSession: async () => undefined };
  return await Promise.all(
    Array.from({ length: 20 }, async (_, index) => {
      const guest = guests.open({ name: `sql${index}`, address: '127.0.0.1' });
      try {
        await guest.prepare(request, AbortSignal.timeout(20_000));
        return 'prepared';
      } catch (error) {
        return String(error);
      } finally {
        await guest.close();
      }
    }),
  );
}

process.env.WRONG_PASSWORD = 'a password of last month';
const winrm = () => ({
  transport: 'http',
  port: world.lab.httpPort,
  username: 'SQL01\\backup',
  password: 'env:WRONG_PASSWORD',
});
const ssh = () => ({
  os: 'windows',
  port: world.lab.ssh?.port,
  username: 'backup@example.com',
  password: 'env:WRONG_PASSWORD',
  hostKeys: [world.lab.ssh?.hostKeyFingerprint],
});

test.each([
  ['WinRM', () => ({ winrm: winrm() })],
  ['SSH', () => ({ ssh: ssh() })],
] as const)('an expired password that 20 guests share is sent to two of them over %s', async (_way, settings) => {
  const told = await prepareAll(settings());

  expect(told.filter((words) => /login to guest "sql\d+" as .* failed/.test(words))).toHaveLength(20);
  expect(told.filter((words) => words.includes('it was not tried'))).toHaveLength(18);
});

const refusal = new Error('refused');
const notTried = (reason: string) => new Error(reason);
const isRefusal = (thrown: unknown) => thrown === refusal;
const refusing = { attempt: () => Promise.reject(refusal), isRefusal, notTried };
const within = <Result>(attempt: () => Promise<Result>) => ({ attempt, isRefusal, notTried });

test('when one guest has taken the account, the others log in together', async () => {
  const logins = new AccountLogins();
  let atOnce = 0;
  let most = 0;
  const attempt = async () => {
    atOnce += 1;
    most = Math.max(most, atOnce);
    await new Promise(setImmediate);
    atOnce -= 1;
  };
  const first = logins.login('DOMAIN\\user', within(attempt));
  const others = Array.from({ length: 5 }, () => logins.login('domain\\USER', within(attempt)));
  expect(atOnce).toBe(1);
  await Promise.all([first, ...others]);
  expect(most).toBe(5);
});

test('a guest that refuses an account which another one took keeps nobody out, nor do guests that are not there', async () => {
  const logins = new AccountLogins();
  await expect(logins.login('DOMAIN\\user', refusing)).rejects.toBe(refusal);
  for (const _guest of [1, 2, 3]) {
    const absent = within(() => Promise.reject(new Error('not there')));
    await expect(logins.login('DOMAIN\\user', absent)).rejects.toThrow('not there');
  }
  expect(
    await logins.login(
      'DOMAIN\\user',
      within(async () => 'in'),
    ),
  ).toBe('in');
  for (const _guest of [1, 2, 3]) await expect(logins.login('DOMAIN\\user', refusing)).rejects.toBe(refusal);
  expect(
    await logins.login(
      'DOMAIN\\user',
      within(async () => 'in'),
    ),
  ).toBe('in');
});

test.each(['backup', '.\\backup'])(
  '%s is another account in every guest: no refusal counts for others',
  async (name) => {
    const logins = new AccountLogins();
    for (const _guest of [1, 2, 3]) await expect(logins.login(name, refusing)).rejects.toBe(refusal);
    expect(
      await logins.login(
        name,
        within(async () => 'in'),
      ),
    ).toBe('in');
  },
);
