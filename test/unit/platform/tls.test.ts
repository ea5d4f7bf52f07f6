import { X509Certificate } from 'node:crypto';
import https from 'node:https';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type tls from 'node:tls';
import { generate } from 'selfsigned';
import {
  createAuthority,
  issueCertificate,
  type LabAuthority,
  type LabServerCertificate,
} from '../../../src/lab/world/certificates.ts';
import { ConnectFailure, openTlsSocket, type TlsTrust, VerifyingAgent } from '../../../src/platform/tls.ts';

const HOST = '127.0.0.1';
const signal = new AbortController().signal;

let authority: LabAuthority;
let signed: LabServerCertificate;
/** Of nobody, for another name. */
let selfSigned: LabServerCertificate;
let server: https.Server;
let port: number;
/** What the server got to read after the handshakes. */
let received: string;
let handshakes: number;
const opened: { end(): void }[] = [];

const listen = (listener: Server, host = HOST): Promise<number> =>
  new Promise((resolve) => {
    listener.listen(0, host, () => {
      const address = listener.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });

/** A server of its own kind, gone after the test. */
async function serve(onConnection: (socket: Socket) => void, host = HOST): Promise<number> {
  const sockets = new Set<Socket>();
  const listener = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    onConnection(socket);
  });
  opened.push({
    end: () => {
      listener.close();
      for (const socket of sockets) socket.destroy();
    },
  });
  return await listen(listener, host);
}

const fingerprint = (certificate: LabServerCertificate) => new X509Certificate(certificate.cert).fingerprint256;

const failureOf = (attempt: Promise<unknown>): Promise<unknown> =>
  attempt.then(
    () => undefined,
    (error: unknown) => error,
  );

/** One GET; resolves to the answer's status. */
function get(agent: VerifyingAgent, options: https.RequestOptions = {}): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const request = https.get({ host: HOST, port, agent, path: '/secret', ...options }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode));
    });
    request.on('error', reject);
  });
}

function agentWith(trust: TlsTrust): VerifyingAgent {
  const agent = new VerifyingAgent(trust);
  opened.push({ end: () => agent.destroy() });
  return agent;
}

/** Both ways to a connection: a refusal must be the same on either. */
const WAYS: readonly [string, (trust: TlsTrust, host?: string, toPort?: number) => Promise<unknown>][] = [
  [
    'socket',
    async (trust, host = HOST, toPort = port) => {
      const { socket } = await openTlsSocket({ host, port: toPort }, trust, signal);
      socket.destroy();
      return 200;
    },
  ],
  ['agent', (trust, host = HOST, toPort = port) => get(agentWith(trust), { host, port: toPort })],
];

async function until(condition: () => boolean): Promise<void> {
  const endMs = Date.now() + 3_000;
  while (!condition()) {
    if (Date.now() > endMs) throw new Error('the condition never came true');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

beforeAll(async () => {
  authority = await createAuthority();
  signed = await issueCertificate(authority, 'server.test');
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'other.test' }], {
    keyType: 'ec',
    curve: 'P-256',
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'other.test' }] }],
  });
  selfSigned = { cert, key };
});

beforeEach(async () => {
  received = '';
  handshakes = 0;
  server = https.createServer(signed, (_request, response) => response.end('ok'));
  server.on('secureConnection', (socket: tls.TLSSocket) => {
    handshakes += 1;
    socket
      .on('error', () => undefined)
      .prependListener('data', (bytes: Buffer) => {
        received += bytes.toString('latin1');
      });
  });
  port = await listen(server);
});

afterEach(async () => {
  for (const { end } of opened.splice(0)) end();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

describe.each(WAYS)('by %s', (_way, reach) => {
  test('a certificate of the given authority for this host is trusted', async () => {
    expect(await reach({ ca: authority.certificate })).toBe(200);
    expect(await reach({ ca: authority.certificate }, 'localhost')).toBe(200);
  });

  test.each([
    ['as openssl prints it', (shown: string) => shown],
    ['in lower case without colons', (shown: string) => shown.replaceAll(':', '').toLowerCase()],
  ])('the pinned certificate is trusted without its authority, %s', async (_form, written) => {
    expect(await reach({ fingerprint256: written(fingerprint(signed)) })).toBe(200);
  });

  test('a self-signed certificate for another name is trusted when it is pinned', async () => {
    server.setSecureContext(selfSigned);
    expect(await reach({ fingerprint256: fingerprint(selfSigned) })).toBe(200);
  });

  test.each([
    ['authorities of Node.js only', () => ({}), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    ['another pin', () => ({ fingerprint256: 'ab'.repeat(32) }), 'not the pinned certificate'],
    [
      'another pin, although the authority is right',
      () => ({ ca: authority.certificate, fingerprint256: 'ab'.repeat(32) }),
      'not the pinned certificate',
    ],
    ['an empty pin', () => ({ fingerprint256: '' }), 'not the pinned certificate'],
    ['a CA text that holds no certificate', () => ({ ca: 'no PEM' }), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
  ])(
    'with %s the server is refused by the fingerprint it showed on that one connection, and nothing is sent',
    async (_what, trust, message) => {
      const failure = await failureOf(reach(trust()));

      expect(failure).toBeInstanceOf(ConnectFailure);
      expect(failure).toMatchObject({ message, untrusted: { fingerprint256: fingerprint(signed) } });
      await until(() => handshakes === 1);
      expect(await connectionCount()).toBe(0);
      expect(handshakes).toBe(1);
      expect(received).toBe('');
    },
  );

  test('the authority of another server does not prove this one', async () => {
    const other = await createAuthority('another CA');
    expect(await failureOf(reach({ ca: other.certificate }))).toMatchObject({
      untrusted: { fingerprint256: fingerprint(signed) },
    });
    expect(received).toBe('');
  });

  test.each(['127.0.0.2', 'localhost'])(
    'a certificate for another name than %s is refused although its authority is trusted',
    async (host) => {
      server.setSecureContext(selfSigned);
      const forward = await serve((socket) => {
        const onward = connect(port, HOST);
        socket.on('error', () => onward.destroy()).pipe(onward);
        onward.on('error', () => socket.destroy()).pipe(socket);
      }, host);

      expect(await failureOf(reach({ ca: selfSigned.cert }, host, forward))).toMatchObject({
        message: 'ERR_TLS_CERT_ALTNAME_INVALID',
        untrusted: { fingerprint256: fingerprint(selfSigned) },
      });
      expect(received).toBe('');
    },
  );

  test('a port where nobody listens is no question of trust', async () => {
    const listener = createServer();
    const idle = await listen(listener);
    await new Promise((resolve) => listener.close(resolve));

    const failure = await failureOf(reach({ ca: authority.certificate }, HOST, idle));

    expect(failure).toMatchObject({ name: 'ConnectFailure', message: 'ECONNREFUSED', untrusted: undefined });
  });

  test('a server that speaks no TLS, or hangs up in the handshake, is no question of trust', async () => {
    const plain = await serve((socket) => socket.resume().end('HTTP/1.1 200 OK\r\n\r\n'));
    const mute = await serve((socket) => socket.once('data', () => socket.end()));
    for (const toPort of [plain, mute]) {
      const failure = await failureOf(reach({ fingerprint256: fingerprint(signed) }, HOST, toPort));
      expect(failure).toMatchObject({ name: 'ConnectFailure', untrusted: undefined });
    }
  });

  test('an address that cannot even be tried is rejected, not thrown', async () => {
    expect(await failureOf(reach({}, HOST, 70_000))).toMatchObject({
      name: 'ConnectFailure',
      message: 'ERR_SOCKET_BAD_PORT',
    });
  });
});

const connectionCount = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const endMs = Date.now() + 3_000;
    const look = () =>
      server.getConnections((error, count) => {
        if (error) reject(error);
        else if (count === 0 || Date.now() > endMs) resolve(count);
        else setTimeout(look, 5);
      });
    look();
  });

describe('the socket', () => {
  test('comes with the certificate of the server in DER', async () => {
    const { socket, certificate } = await openTlsSocket({ host: HOST, port }, { ca: authority.certificate }, signal);
    opened.push({ end: () => socket.destroy() });

    expect(certificate.equals(new X509Certificate(signed.cert).raw)).toBe(true);
  });

  test('an abort ends the connecting at once with the reason of the signal', async () => {
    let reached = 0;
    let closed = 0;
    const silent = await serve((socket) => {
      reached += 1;
      socket.resume().on('close', () => {
        closed += 1;
      });
    });
    const abort = new AbortController();
    const attempt = failureOf(openTlsSocket({ host: HOST, port: silent }, {}, abort.signal));
    await until(() => reached === 1);
    const reason = new Error('enough');
    abort.abort(reason);

    expect(await attempt).toBe(reason);
    await until(() => closed === 1);
    expect(await failureOf(openTlsSocket({ host: HOST, port: silent }, {}, abort.signal))).toBe(reason);
    expect(reached).toBe(1);
  });

  test('an error later on closes it and does not end the process, and the signal means nothing to it any more', async () => {
    const abort = new AbortController();
    const { socket } = await openTlsSocket({ host: HOST, port }, { ca: authority.certificate }, abort.signal);
    abort.abort();
    expect(socket.destroyed).toBe(false);

    socket.destroy(new Error('broken line'));
    await until(() => socket.closed);
  });
});

describe('the agent', () => {
  const idle = (agent: VerifyingAgent) => Object.values(agent.freeSockets).flatMap((sockets) => sockets ?? []);

  test('serves one request after the other on the same connection', async () => {
    const agent = agentWith({ ca: authority.certificate });
    for (let nth = 0; nth < 3; nth += 1) expect(await get(agent)).toBe(200);
    expect(handshakes).toBe(1);
  });

  test('an error on an idle connection does not end the process; the next request opens another', async () => {
    const agent = agentWith({ ca: authority.certificate });
    await get(agent);
    await until(() => idle(agent).length === 1);
    const [socket] = idle(agent);
    // As if the line broke in the instant in which no request holds the socket.
    for (const listener of socket?.listeners('error').slice(1) ?? []) socket?.off('error', () => listener);
    socket?.destroy(new Error('broken line'));
    await until(() => idle(agent).length === 0);

    expect(await get(agent)).toBe(200);
    expect(handshakes).toBe(2);
  });

  test.each([
    ['host name', 'localhost', () => ({ ca: `${authority.certificate}${selfSigned.cert}` })],
    ['pin', HOST, () => ({ fingerprint256: fingerprint(signed) })],
  ])('judges the %s anew on every connection: no earlier session vouches for it', async (_check, host, trust) => {
    const agent = agentWith(trust());
    expect(await get(agent, { host, headers: { connection: 'close' } })).toBe(200);
    received = '';
    server.setSecureContext(selfSigned);

    expect(await failureOf(get(agent, { host }))).toMatchObject({
      untrusted: { fingerprint256: fingerprint(selfSigned) },
    });
    expect(received).toBe('');
  });

  test('asks for the certificate of the address it connects to, whatever Host a request names', async () => {
    server.setSecureContext(selfSigned);
    const agent = agentWith({ ca: selfSigned.cert });

    expect(await failureOf(get(agent, { headers: { host: 'other.test' } }))).toMatchObject({
      message: 'ERR_TLS_CERT_ALTNAME_INVALID',
    });
  });

  test('gives a server that never finishes the handshake 30 seconds', async () => {
    let reached = 0;
    const silent = await serve((socket) => {
      reached += 1;
      socket.resume();
    });
    const realNow = setTimeout;
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'performance', 'Date'] });
    try {
      const attempt = failureOf(get(agentWith({}), { port: silent }));
      while (reached === 0) await new Promise((resolve) => realNow(resolve, 5));
      jest.advanceTimersByTime(30_000);
      expect(await attempt).toMatchObject({ name: 'ConnectFailure', message: 'ETIMEDOUT' });
    } finally {
      jest.useRealTimers();
    }
  });

  test('destroyed while it connects, it fails the request and leaves no connection', async () => {
    let reached = 0;
    let closed = 0;
    const silent = await serve((socket) => {
      reached += 1;
      socket.resume().on('close', () => {
        closed += 1;
      });
    });
    const agent = agentWith({});
    const attempt = failureOf(get(agent, { port: silent }));
    await until(() => reached === 1);
    agent.destroy();

    expect(await attempt).toMatchObject({ name: 'ConnectFailure' });
    await until(() => closed === 1);
  });

  test('a trusted connection goes to the next request when its own was aborted meanwhile', async () => {
    const agent = agentWith({ ca: authority.certificate });
    const abort = new AbortController();
    const attempt = failureOf(get(agent, { signal: abort.signal }));
    abort.abort();
    expect(await attempt).toMatchObject({ name: 'AbortError' });

    expect(await get(agent)).toBe(200);
    expect(received.match(/GET/g)).toHaveLength(1);
  });
});
