import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { resolveSecret } from '../../../src/config/secrets.ts';

const secretFile = (mode: number) => {
  const file = path.join(mkdtempSync(path.join(os.tmpdir(), 'snaphook-secret-')), 'secret');
  writeFileSync(file, 'correct horse\n');
  chmodSync(file, mode);
  return file;
};

test('a protected file gives its content without the line end', async () => {
  expect(await resolveSecret(`file:${secretFile(0o600)}`)).toBe('correct horse');
});

test('a file others can read is refused with the command that mends it', async () => {
  const file = secretFile(0o644);

  await expect(resolveSecret(`file:${file}`)).rejects.toMatchObject({
    code: 'E_SECRET',
    hint: expect.stringContaining(`chmod 600 '${file}'`),
  });
});

test('a variable gives its value, an unset one is refused', async () => {
  process.env.SNAPHOOK_TEST_SECRET = 'from env';

  expect(await resolveSecret('env:SNAPHOOK_TEST_SECRET')).toBe('from env');
  await expect(resolveSecret('env:SNAPHOOK_TEST_UNSET')).rejects.toMatchObject({ code: 'E_SECRET' });
});

test('a systemd credential is read from the credentials directory only', async () => {
  const file = secretFile(0o400);
  process.env.CREDENTIALS_DIRECTORY = path.dirname(file);

  expect(await resolveSecret('systemd:secret')).toBe('correct horse');
  await expect(resolveSecret('systemd:../../etc/hostname')).rejects.toMatchObject({ code: 'E_SECRET' });
});

test('a program gives its output and is never run by a shell', async () => {
  expect(await resolveSecret(`exec:${process.execPath} -p 6*7`)).toBe('42');
  await expect(resolveSecret('exec:echo $HOME; echo leaked')).resolves.toBe('$HOME; echo leaked');
});

test('a program that leaves something running with its output open gives its secret as soon as it has ended itself', async () => {
  const daemon = path.join(mkdtempSync(path.join(os.tmpdir(), 'snaphook-secret-')), 'with-agent');
  writeFileSync(daemon, '#!/bin/sh\necho correct horse\nsleep 15 &\n', { mode: 0o755 });
  const startedMs = performance.now();

  expect(await resolveSecret(`exec:${daemon}`)).toBe('correct horse');
  expect(performance.now() - startedMs).toBeLessThan(5000);
});

test('a program that hangs and ignores SIGTERM is ended after ten seconds', async () => {
  const stubborn = path.join(mkdtempSync(path.join(os.tmpdir(), 'snaphook-secret-')), 'stubborn');
  writeFileSync(stubborn, "#!/bin/sh\ntrap '' TERM\necho half a secret\nwhile :; do sleep 1; done\n", { mode: 0o755 });
  const startedMs = performance.now();

  await expect(resolveSecret(`exec:${stubborn}`)).rejects.toMatchObject({ code: 'E_SECRET' });
  expect(performance.now() - startedMs).toBeLessThan(13_000);
});

test('a program that is not there is told without its arguments being run by anything', async () => {
  await expect(resolveSecret('exec:/nonexistent/program')).rejects.toMatchObject({
    code: 'E_SECRET',
    message: expect.stringContaining('exec:/nonexistent/program'),
  });
});

test('the output of a failing program does not reach the error', async () => {
  const failing = `exec:${process.execPath} -e process.stdout.write("hunter2");process.exit(3)`;

  const error: unknown = await resolveSecret(failing).catch((thrown: unknown) => thrown);

  expect(error).toMatchObject({ code: 'E_SECRET' });
  expect(
    JSON.stringify(error, Object.getOwnPropertyNames(error)).replaceAll(failing.slice(5).replaceAll('"', '\\"'), ''),
  ).not.toContain('stdout');
});
