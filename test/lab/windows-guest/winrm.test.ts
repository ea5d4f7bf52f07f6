import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { until } from '../guest/until.ts';
import { type GuestWorld, PASSWORD, startGuestWorld, USER } from './guest-world.ts';
import {
  ACTION,
  basicExchange,
  ntlmLogOn,
  parseReply,
  ShellClient,
  type SoapOptions,
  sealedExchange,
  soapRequest,
} from './winrm-client.ts';

let world: GuestWorld;

const SOAP = { 'Content-Type': 'application/soap+xml;charset=UTF-8' };

describe('the endpoint of a guest with the defaults of Windows', () => {
  beforeAll(async () => {
    world = await startGuestWorld();
  });
  afterAll(() => world.close());

  test('commands run with their output and exit code, by Basic over HTTPS and sealed over HTTP alike', async () => {
    const sealed = new ShellClient(await sealedExchange(world.connect(world.httpUrl), USER, PASSWORD));
    for (const client of [world.client(), sealed]) {
      const shell = await client.create();
      expect(await client.run(shell, 'hostname')).toMatchObject({ stdout: Buffer.from('SQL01\r\n'), exitCode: 0 });
      expect(await client.run(shell, 'cmd /c echo hëllo')).toMatchObject({ stdout: Buffer.from('hëllo\r\n') });
      expect(await client.run(shell, 'whoami')).toMatchObject({ stdout: Buffer.from('sql01\\administrator\r\n') });
      expect((await client.run(shell, 'ver')).stdout.toString()).toMatch(/Microsoft Windows \[Version 10\.0\./);
      expect(await client.run(shell, 'exit 7')).toMatchObject({ exitCode: 7 });
      const unknown = await client.run(shell, 'no-such-thing /x');
      expect(unknown.exitCode).toBe(1);
      expect(unknown.stderr.toString()).toBe(
        "'no-such-thing' is not recognized as an internal or external command,\r\noperable program or batch file.\r\n",
      );
      await client.delete(shell);
    }
    expect(world.guest.shellCount()).toBe(0);
  });

  test('what the lab cannot run is refused and noted, not half done', async () => {
    const client = world.client();
    const shell = await client.create();
    const seen = world.events.events.length;

    expect((await client.run(shell, 'powershell -EncodedCommand ZQA=')).exitCode).toBe(1);
    expect(await client.run(shell, 'echo a & echo b')).toMatchObject({ exitCode: 1, stdout: Buffer.alloc(0) });

    const unserved = world.events.since(seen).filter((event) => event.kind === 'unserved');
    expect(unserved.map((event) => event.operation)).toEqual(['powershell', 'cmd syntax']);
    await client.delete(shell);
  });

  test('without cmd.exe only a full path starts a program', async () => {
    const client = world.client();
    const shell = await client.create();
    const skip = { WINRS_SKIP_CMD_SHELL: 'TRUE' };

    await expect(client.command(shell, 'hostname', skip)).rejects.toThrow('fault 2147942402');
    expect(await client.run(shell, 'C:\\Windows\\System32\\hostname.exe', skip)).toMatchObject({ exitCode: 0 });
    expect((await client.run(shell, '"%ProgramFiles%\\snaphook\\snaphook-vss.exe" help')).exitCode).toBe(2);
    await client.delete(shell);
  });

  test('a fault in place of a sealed answer costs that answer only, and the connection goes on sealed', async () => {
    const client = new ShellClient(await sealedExchange(world.connect(world.httpUrl), USER, PASSWORD));
    const shell = await client.create();
    const answer = { do: 'answer', status: 503 } as const;
    const remove = world.faults.add({ system: 'guest', operation: 'Command', when: 'after', action: answer });

    await expect(client.command(shell, 'hostname')).rejects.toThrow('unsealed answer 503');
    remove();

    expect(await client.run(shell, 'hostname')).toMatchObject({ exitCode: 0 });
    await client.delete(shell);
  });

  test('requests that were refused leave nothing at their connection', async () => {
    const listeners: number[] = [];
    const onRequest = (message: unknown) => {
      const { socket } = message as { readonly socket: Socket }; // Node.js documents it
      listeners.push(socket.listenerCount('close'));
    };
    subscribe('http.server.request.start', onRequest);
    const client = world.client();
    const answer = { do: 'answer', status: 503 } as const;
    const remove = world.faults.add({ system: 'guest', operation: 'Create', when: 'before', action: answer });
    const seen = world.events.events.length;

    for (let request = 0; request < 4; request += 1) await expect(client.create()).rejects.toThrow();
    remove();
    unsubscribe('http.server.request.start', onRequest);

    expect(world.events.since(seen).filter(({ kind }) => kind === 'connection')).toHaveLength(1);
    // Node.js takes its own from a connection that has served its first request.
    expect(listeners).toEqual([listeners[0], listeners[1], listeners[1], listeners[1]]);
  });

  test('text is in the code page the shell asked for', async () => {
    const client = world.client();
    const latin = await client.create('', { options: { WINRS_CODEPAGE: '1252' } });
    const oem = await client.create('', { options: {} });

    expect((await client.run(latin, 'echo é')).stdout).toEqual(Buffer.from([0xe9, 0x0d, 0x0a]));
    expect((await client.run(oem, 'echo é')).stdout.toString()).toBe('?\r\n');
    await client.delete(latin);
    await client.delete(oem);
  });

  test('long output comes in pieces that do not end at characters, and joins up again', async () => {
    const client = world.client();
    const shell = await client.create();
    const text = 'ä€'.repeat(3000);
    const command = await client.command(shell, `echo ${text}`);

    const pieces: Buffer[] = [];
    for (let done = false; !done; ) {
      const part = await client.receive(shell, command);
      pieces.push(part.stdout);
      done = part.exitCode !== undefined;
    }

    expect(pieces.length).toBeGreaterThan(3);
    expect(pieces.some((piece) => piece.toString().includes('\ufffd'))).toBe(true);
    expect(Buffer.concat(pieces).toString()).toBe(`${text}\r\n`);
    await client.delete(shell);
  });

  test('a Receive without output times out, and nothing is lost by it', async () => {
    const client = world.client();
    const shell = await client.create();
    const command = await client.command(shell, 'snaphook-vss serve', { WINRS_CONSOLEMODE_STDIN: 'FALSE' });
    expect((await client.receive(shell, command)).stdout.toString()).toMatch(/^\{"event":"hello"/);

    await expect(client.receive(shell, command, 'PT0.05S')).rejects.toThrow('fault 2150858793');
    await client.send(shell, command, '{"command":"status"}\n{"command":"quit"}\n');
    const last = await client.receive(shell, command);

    expect(last).toMatchObject({ stdout: Buffer.from('{"event":"status","phase":"idle"}\n'), exitCode: 0 });
    await expect(client.send(shell, command, 'x')).rejects.toThrow('fault 109');
    await client.delete(shell);
  });

  test('a client that drops its connection while receiving loses neither shell nor output', async () => {
    const dropped = world.connect(world.httpsUrl);
    const first = new ShellClient(basicExchange(dropped, USER, PASSWORD));
    const shell = await first.create();
    const command = await first.command(shell, 'snaphook-vss serve');
    await first.receive(shell, command);
    const waiting = first.receive(shell, command);
    waiting.catch(() => undefined);
    await until(() => world.events.events.filter((event) => event.operation === 'Receive').at(-1)?.kind === 'request');
    dropped.destroy();
    await expect(waiting).rejects.toThrow();

    const second = world.client();
    await second.send(shell, command, '{"command":"status"}\n');

    expect((await second.receive(shell, command)).stdout.toString()).toContain('"phase":"idle"');
    await second.delete(shell);
  });

  test('console input reaches the program line by line, a pipe byte by byte', async () => {
    const client = world.client();
    const shell = await client.create();
    const command = await client.command(shell, 'snaphook-vss serve', { WINRS_CONSOLEMODE_STDIN: 'TRUE' });
    await client.receive(shell, command);
    await client.send(shell, command, '{"command":');
    await client.send(shell, command, '"status"}\n{"command":"quit"}');
    expect((await client.receive(shell, command)).stdout.toString()).toContain('"phase":"idle"');
    await expect(client.receive(shell, command, 'PT0.05S')).rejects.toThrow('fault 2150858793');
    await client.delete(shell);
  });

  test('control-C ends a command with its exit code, terminate forgets it, Delete ends everything in the shell', async () => {
    const client = world.client();
    const shell = await client.create();
    const interrupted = await client.command(shell, 'snaphook-vss serve');
    await client.signal(shell, interrupted, 'ctrl_c');
    expect((await client.receive(shell, interrupted)).exitCode).toBe(0xc000013a);
    await client.signal(shell, interrupted, 'terminate');
    await expect(client.receive(shell, interrupted)).rejects.toThrow('fault 2150858843');

    const running = await client.command(shell, 'snaphook-vss serve');
    await client.receive(shell, running);
    const waiting = expect(client.receive(shell, running)).rejects.toThrow('fault 995');
    await world.client().delete(shell);
    await waiting;
    await expect(client.command(shell, 'hostname')).rejects.toThrow('fault 2150858843');
  });

  test('a shell belongs to the user who opened it', async () => {
    const client = world.client();
    const shell = await client.create();

    await expect(world.client('other').command(shell, 'hostname')).rejects.toThrow('fault 5');
    await client.delete(shell);
  });

  test.each<[string, string, SoapOptions, number]>([
    ['an unknown action', 'http://example.org/Nothing', {}, 2150858753],
    ['a time-out above the limit', ACTION.create, { timeout: 'PT61S' }, 2150858854],
    ['an envelope size above the limit', ACTION.create, { maxEnvelope: 600 * 1024 }, 2150858862],
    ['an envelope size below 8 KiB', ACTION.create, { maxEnvelope: 4096 }, 2150858878],
    ['an unknown shell', ACTION.delete, { shellId: '11111111-2222-3333-4444-555555555555' }, 2150858843],
    [
      'an unknown header that must be understood',
      ACTION.create,
      { header: '<x xmlns="urn:x" e:mustUnderstand="1"/>' },
      2150859035,
    ],
    ['a body that does not fit the action', ACTION.create, {}, 2150858817],
  ])('%s is answered by HTTP 500 with the fault', async (_what, action, options, code) => {
    const exchange = basicExchange(world.connect(world.httpsUrl), USER, PASSWORD);

    const reply = await exchange(soapRequest(action, '', options));

    expect(reply).toMatchObject({ status: 500, faultCode: code });
  });

  test('a request relates to its answer, with or without fault', async () => {
    const exchange = basicExchange(world.connect(world.httpsUrl), USER, PASSWORD);
    const reply = await exchange(soapRequest(ACTION.delete, ''));
    const header = reply.envelope.children.find((child) => child.name === 'Header');

    expect(header?.children.find((child) => child.name === 'RelatesTo')?.text).toBe(
      'uuid:11111111-2222-3333-4444-555555555555',
    );
  });

  test('anybody may ask what it is, and learns no version', async () => {
    const body =
      '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body>' +
      '<i:Identify xmlns:i="http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd"/></s:Body></s:Envelope>';
    const answer = await world.connect(world.httpUrl).post({ ...SOAP, WSMANIDENTIFY: 'unauthenticated' }, body);

    expect(answer.status).toBe(200);
    expect(answer.body.toString()).toContain('OS: 0.0.0 SP: 0.0 Stack: 3.0');
  });
});

describe('log-ons', () => {
  beforeAll(async () => {
    world = await startGuestWorld();
  });
  afterAll(() => world.close());

  test('HTTPS offers Negotiate and Basic, plain HTTP only Negotiate', async () => {
    const offers = async (url: string) => (await world.connect(url).post(SOAP, 'x')).headers['www-authenticate'];

    expect(await offers(world.httpsUrl)).toBe('Negotiate, Basic realm="WSMAN"');
    expect(await offers(world.httpUrl)).toBe('Negotiate');
  });

  test('Basic is refused over plain HTTP and with a wrong password', async () => {
    const status = async (url: string, password: string) => {
      const Authorization = `Basic ${Buffer.from(`${USER}:${password}`).toString('base64')}`;
      return (await world.connect(url).post({ ...SOAP, Authorization }, soapRequest(ACTION.delete, ''))).status;
    };

    expect(await status(world.httpUrl, PASSWORD)).toBe(401);
    expect(await status(world.httpsUrl, 'wrong')).toBe(401);
    expect(await status(world.httpsUrl, PASSWORD)).toBe(500);
  });

  test('an NTLM context belongs to its connection', async () => {
    const connection = world.connect(world.httpsUrl);
    await ntlmLogOn(connection, USER, PASSWORD);
    const request = soapRequest(ACTION.delete, '');

    expect((await connection.post(SOAP, request)).status).toBe(500);
    expect((await world.connect(world.httpsUrl).post(SOAP, request)).status).toBe(401);
  });

  test('plain text over HTTP is not served although the log-on was right', async () => {
    const connection = world.connect(world.httpUrl);
    await ntlmLogOn(connection, USER, PASSWORD);

    const answer = await connection.post(SOAP, soapRequest(ACTION.delete, ''));

    expect(answer).toMatchObject({ status: 500, body: Buffer.alloc(0) });
  });

  test('a sealed message with a wrong signature is not served', async () => {
    const connection = world.connect(world.httpUrl);
    await ntlmLogOn(connection, USER, PASSWORD);
    const exchange = await sealedExchange(world.connect(world.httpUrl), USER, PASSWORD);
    expect((await exchange(soapRequest(ACTION.delete, ''))).faultCode).toBe(2150858843);

    const answer = await connection.post(
      { 'Content-Type': 'multipart/encrypted;boundary="Encrypted Boundary"' },
      `--Encrypted Boundary\r\n\tContent-Type: application/HTTP-SPNEGO-session-encrypted\r\n\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length=4\r\n--Encrypted Boundary\r\n\tContent-Type: application/octet-stream\r\n\x10\0\0\0${'x'.repeat(20)}--Encrypted Boundary--\r\n`,
    );

    expect(answer.status).toBe(400);
  });
});

test('quotas of shells, processes and operations are kept, and idle shells end', async () => {
  world = await startGuestWorld({
    maxShellsPerUser: 2,
    maxProcessesPerShell: 1,
    maxOperationsPerUser: 3,
    shellIdleTimeoutMs: 1500,
  });
  try {
    const client = world.client();
    const shell = await client.create();
    const other = await client.create();
    await expect(client.create()).rejects.toThrow('fault 2150859173');
    expect(await world.client('other').create()).not.toBe('');

    const running = await client.command(shell, 'snaphook-vss serve');
    await expect(client.command(shell, 'hostname')).rejects.toThrow('fault 2150859241');
    await client.signal(shell, running, 'terminate');
    await client.run(shell, 'hostname');
    await client.run(shell, 'hostname');
    await expect(client.command(shell, 'hostname')).rejects.toThrow('fault 2150859174');
    await client.delete(shell);
    await client.run(other, 'hostname');

    await until(() => world.guest.shellCount() === 0);
  } finally {
    await world.close();
  }
});

test.each([
  ['either', [true, true]],
  ['unquoted', [false, true]],
  ['quoted', [true, false]],
] as const)(
  'a path with blanks is started directly in the forms the guest takes: %s',
  async (programQuoting, takes) => {
    world = await startGuestWorld({ programQuoting });
    try {
      const client = world.client();
      const shell = await client.create();
      const path = 'C:\\Program Files\\snaphook\\snaphook-vss.exe';
      for (const [index, name] of [`"${path}"`, path].entries()) {
        const started = client.run(shell, `${name} help`, { WINRS_SKIP_CMD_SHELL: 'TRUE' });
        if (takes[index]) expect(await started).toMatchObject({ exitCode: 2 });
        else await expect(started).rejects.toThrow('fault 2147942402');
      }
    } finally {
      await world.close();
    }
  },
);

test('a request larger than MaxEnvelopeSize is refused', async () => {
  world = await startGuestWorld({ maxEnvelopeKb: 150 });
  try {
    const authorization = `Basic ${Buffer.from(`${USER}:${PASSWORD}`).toString('base64')}`;
    const padded = soapRequest(ACTION.create, `<!--${'x'.repeat(160_000)}-->`);
    const answer = await world.connect(world.httpsUrl).post({ ...SOAP, Authorization: authorization }, padded);
    expect(parseReply(answer.status, answer.body.toString()).faultCode).toBe(2150858790);
  } finally {
    await world.close();
  }
});
