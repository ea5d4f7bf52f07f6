import { createWindowsHelper } from '../../../../src/guest/windows/windows-helper.ts';
import type { HelperFiles } from '../../../../src/ports/guest-helper.ts';
import { failureOf } from '../../../contract/guest.ts';
import { startWindowsGuestWorld, type WindowsGuestWorld } from '../../../contract/windows-guest-world.ts';

const FOLDER = 'C:\\Program Files\\snaphook';
const within = () => AbortSignal.timeout(8000);
const files: HelperFiles = async (kind) => [
  { name: 'snaphook-vss.exe', content: Buffer.from(`program for ${kind}`) },
  { name: 'snaphook-vss-provider.dll', content: Buffer.from(`provider for ${kind}`) },
];

let world: WindowsGuestWorld;
beforeAll(async () => {
  world = await startWindowsGuestWorld('ntlm-http', { ssh: 'cmd' });
});
afterAll(() => world.close());
afterEach(() => {
  world.lab.files.isWritable = true;
});
const helper = () => createWindowsHelper('sql01', { access: world.access() });

test('over SSH a helper of the architecture of the guest is installed, tested and removed', async () => {
  const { status } = await helper().install(files, [], within());
  const checks = await helper().selfTest(within());
  const removed = await helper().uninstall(files, within());

  expect(status).toMatchObject({ architecture: 'AMD64', isOurs: true });
  expect(checks.map(({ ok }) => ok)).not.toContain(false);
  expect(removed).toBe(true);
  expect(world.lab.files.paths()).toEqual([]);
});

test('a file that Windows does not let us write is an error with its words, and nothing is registered', async () => {
  world.lab.vss.providerRegistered = false;
  world.lab.files.isWritable = false;

  const failure = await failureOf(helper().install(files, [], within()));

  expect(failure).toMatchObject({ code: 'E_GUEST', retry: 'safe' });
  expect(failure.message).toContain(`${FOLDER}\\snaphook-vss.exe`);
  expect(failure.message).toContain('80070005');
  expect(world.lab.vss.providerRegistered).toBe(false);
});

test('a release without the provider is refused before anything is changed', async () => {
  const failure = await failureOf(helper().install(async (kind) => (await files(kind)).slice(0, 1), [], within()));

  expect(failure).toMatchObject({ code: 'E_CONFIG' });
  expect(failure.message).toContain('snaphook-vss-provider.dll');
  expect(world.lab.files.paths()).toEqual([]);
});
