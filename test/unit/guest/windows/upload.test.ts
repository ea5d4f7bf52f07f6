import { randomBytes } from 'node:crypto';
import { scriptCall } from '../../../../src/guest/windows/powershell.ts';
import { loaderCall, requireStored, UPLOAD_LOADER } from '../../../../src/guest/windows/upload-loader.ts';
import type { WindowsCommands } from '../../../../src/guest/windows/windows-commands.ts';
import { startWindowsGuestWorld, type WindowsGuestWorld } from '../../../contract/windows-guest-world.ts';

const PATH = 'C:\\Program Files\\snaphook\\größe & "mehr".dll'.replace(/"/g, "'");
const within = () => AbortSignal.timeout(8000);

describe.each([['WinRM', undefined] as const, ['SSH', 'cmd'] as const, ['SSH to PowerShell', 'powershell'] as const])(
  'a file that goes to a Windows guest by %s',
  (_name, ssh) => {
    let world: WindowsGuestWorld;
    let commands: WindowsCommands;
    const upload = (content: Buffer) => commands.upload({ path: PATH, content }, within());

    beforeAll(async () => {
      world = await startWindowsGuestWorld(
        'ntlm-http',
        ssh === undefined ? { service: { maxEnvelopeKb: 150 } } : { ssh },
      );
    });
    beforeEach(async () => {
      commands = await world.access().openCommands(within());
    });
    afterEach(async () => {
      world.faults.clear();
      Object.assign(world.lab.vss, { garbleInput: false, constrainedLanguage: false });
      world.lab.files.freeBytes = 1024 ** 3;
      await commands.close();
    });
    afterAll(() => world.close());

    test('is there byte for byte, whatever its size and name, and replaces an older one', async () => {
      for (const size of [0, 1, 6000, 300_001]) {
        const content = randomBytes(size);
        await upload(content);
        expect(world.lab.files.read(PATH)?.equals(content)).toBe(true);
      }
    });

    test('is not there when it arrived changed, and the older one still is', async () => {
      const old = randomBytes(100);
      await upload(old);
      world.lab.vss.garbleInput = true;

      await expect(upload(randomBytes(9000))).rejects.toMatchObject({ problem: 'hash' });

      expect(world.lab.files.read(PATH)?.equals(old)).toBe(true);
    });

    test('is not there when the disk is full, and the error has the words of Windows', async () => {
      world.lab.files.freeBytes = 10;

      await expect(upload(randomBytes(9000))).rejects.toMatchObject({
        problem: 'error',
        message: expect.stringContaining('80070070'),
      });
    });

    test('is refused by a PowerShell in constrained language mode, told as such', async () => {
      world.lab.vss.constrainedLanguage = true;

      await expect(upload(randomBytes(10))).rejects.toMatchObject({ problem: 'language' });
    });

    test('is not there when the connection breaks in the middle', async () => {
      const before = world.lab.files.read(PATH);
      const operation = ssh === undefined ? 'Send' : 'exec powershell.exe';
      world.faults.add({ system: 'guest', operation, when: 'after', nth: 1, action: { do: 'drop' } });

      await expect(upload(randomBytes(300_000))).rejects.toMatchObject({ problem: { kind: 'disconnected' } });

      expect(world.lab.files.read(PATH)).toBe(before);
    });
  },
);

test('every command line of the loader is short enough for cmd.exe', () => {
  const { path, arguments: words } = scriptCall(UPLOAD_LOADER, []);
  expect([path, ...words].join(' ').length).toBeLessThan(8100);
});

test('an answer with another hash, or none, is no success', () => {
  const file = { path: 'C:\\a', content: Buffer.from('a') };
  const answer = (stdout: string, exitCode = 0) => ({ exitCode, stdout: Buffer.from(stdout), stderr: Buffer.alloc(0) });

  expect(() => requireStored(file, answer('{"stored":"00"}'))).toThrow(expect.objectContaining({ problem: 'lost' }));
  expect(() => requireStored(file, answer('', 1))).toThrow(expect.objectContaining({ problem: 'lost' }));
  expect(() => requireStored(file, answer('{"failed":"cut","detail":""}', 4))).toThrow(
    expect.objectContaining({ problem: 'cut' }),
  );
  expect(loaderCall(file).input?.toString('latin1').endsWith('\r\nend\r\n')).toBe(true);
});
