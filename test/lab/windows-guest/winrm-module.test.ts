import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { openWinRm, type WinRmClient } from '../../../src/guest/windows/winrm-client.ts';
import { issueClientCertificate } from '../../../src/lab/world/certificates.ts';
import { type LoginWorld, MAPPED_NAME, PASSWORD, SERVICE, startLoginWorld } from './login-world.ts';
import { powerShellStandIn } from './powershell-stand-in.ts';

const ROOT = path.join(__dirname, '../../..');
const WHOAMI = 'C:\\Windows\\System32\\whoami.exe';
const FOLDER = 'c:\\windows\\system32\\windowspowershell\\v1.0';
let world: LoginWorld;

beforeAll(async () => {
  const powershell = { folder: FOLDER, program: powerShellStandIn };
  world = await startLoginWorld({ maxOperationsPerUser: 3 }, { programs: new Map([['powershell.exe', powershell]]) });
});
afterAll(() => world.close());

/** Runs the example of the documentation as its reader would. */
function runExample(password: string): Promise<string> {
  const document = readFileSync(path.join(ROOT, 'docs/winrm-client.md'), 'utf8');
  const code = /```js\n(.*?)```/s.exec(document)?.[1] ?? '';
  const env = {
    ...process.env,
    GUEST: 'localhost',
    GUEST_PORT: String(world.guest.httpsPort),
    GUEST_CA: world.file('ca.pem', Buffer.from(world.authority.certificate)),
    GUEST_PASSWORD: password,
  };
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--input-type=module', '--eval', code], { cwd: ROOT, env });
    const output: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => output.push(chunk));
    child.once('error', reject);
    child.once('close', () => resolve(Buffer.concat(output).toString('utf8')));
  });
}

test('the example of the documentation prints what it promises and leaves no shell', async () => {
  expect((await runExample(PASSWORD)).trimEnd().split('\n')).toEqual([
    '0 sql01\\backup',
    "0 Hello, O'Brien; $(calc)",
    "1 Get-Item : Cannot find path 'C:\\none' & so o_n:\r",
    'Grüße',
  ]);
  expect(world.guest.shellCount()).toBe(0);
});

test('the example tells a refused login by its kind', async () => {
  expect(await runExample('wrong')).toMatch(/^login WinRM login: user name or password refused/);
});

async function whoami(client: WinRmClient): Promise<string> {
  try {
    return (await client.run(WHOAMI)).stdout.toString().trim();
  } finally {
    await client.close();
  }
}

test('every way of logging in is a way of the module', async () => {
  const { cert, key } = await issueClientCertificate(world.authority, MAPPED_NAME);
  const cache = world.file('cache', world.domain.credentialCache({ client: 'backup', service: SERVICE }));
  const tls = { ca: world.authority.certificate };
  const { httpPort, httpsPort } = world.guest;
  const kerberos = { authentication: 'kerberos', username: 'backup@LAB.EXAMPLE', cache } as const;
  const certificate = world.file('client.pem', Buffer.from(cert));
  const login = {
    authentication: 'certificate',
    certificate,
    key: world.file('client.key', Buffer.from(key)),
  } as const;

  const sealed = await openWinRm({ host: 'localhost', transport: 'http', port: httpPort, login: kerberos });
  expect(await whoami(sealed)).toBe('lab\\backup');
  expect(await whoami(await openWinRm({ host: 'localhost', port: httpsPort, tls, login }))).toBe('sql01\\localbackup');
  await expect(openWinRm({ host: 'localhost', transport: 'http', port: httpPort, login })).rejects.toMatchObject({
    problem: { kind: 'login', reason: 'a client certificate is not sent without TLS' },
  });
});

test('when the account has used up its operations the shell is replaced, and the next program runs', async () => {
  const login = { authentication: 'ntlm', username: 'SQL01\\backup', password: PASSWORD } as const;
  const client = await openWinRm({ host: 'localhost', transport: 'http', port: world.guest.httpPort, login });

  for (let round = 0; round < 7; round += 1) {
    expect((await client.run(WHOAMI)).stdout.toString()).toBe('sql01\\backup\r\n');
    expect(world.guest.shellCount()).toBe(1);
  }
  await client.close();
  expect(world.guest.shellCount()).toBe(0);
});
