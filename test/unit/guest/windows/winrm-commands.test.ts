import { winRmAccess } from '../../../../src/guest/windows/winrm-access.ts';
import { systemClock } from '../../../../src/platform/clock.ts';
import { startWindowsGuestWorld, type WindowsGuestWorld } from '../../../contract/windows-guest-world.ts';

const SYSTEM = 'C:\\Windows\\System32';
const within = () => AbortSignal.timeout(8000);
let world: WindowsGuestWorld;

beforeAll(async () => {
  world = await startWindowsGuestWorld('ntlm-http');
});
afterAll(async () => {
  await world.close();
});

const open = () => winRmAccess(world.winrm, systemClock).openCommands(within());

test('programs run one after the other in one shell, which is gone after close', async () => {
  const commands = await open();

  const first = await commands.run({ path: `${SYSTEM}\\whoami.exe`, arguments: [] }, within());
  const second = await commands.run({ path: `${SYSTEM}\\cmd.exe`, arguments: ['/c', 'exit', '7'] }, within());

  expect(first).toMatchObject({ exitCode: 0, stdout: Buffer.from('sql01\\backup\r\n') });
  expect(second.exitCode).toBe(7);
  expect(world.sessionCount()).toBe(1);
  await commands.close();
  expect(world.sessionCount()).toBe(0);
});

test('the input of a program ends, so that one that reads to its end does end', async () => {
  const commands = await open();
  const input = Buffer.from('{"command":"status"}\n');

  const helper = 'C:\\Program Files\\snaphook\\snaphook-vss.exe';
  const result = await commands.run({ path: helper, arguments: ['serve'], input }, within());
  await commands.close();

  expect(result.exitCode).toBe(0);
  expect(result.stdout.toString()).toContain('"event":"status"');
});

test('a program that is not there is told as such, and no argument is shown to cmd.exe that it would change', async () => {
  const commands = await open();
  const startedBefore = world.events.events.filter(
    ({ operation, kind }) => operation === 'Command' && kind === 'request',
  ).length;

  await expect(commands.run({ path: 'C:\\none\\missing.exe', arguments: ['&calc'] }, within())).rejects.toMatchObject({
    problem: { kind: 'fault', fault: { kind: 'program-missing' } },
  });
  await commands.close();

  const tries = world.events.events.filter(({ operation, kind }) => operation === 'Command' && kind === 'request');
  expect(tries.length - startedBefore).toBeLessThanOrEqual(1);
});
