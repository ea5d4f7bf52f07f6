import { X509Certificate } from 'node:crypto';
import https from 'node:https';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import {
  createAuthority,
  issueCertificate,
  type LabAuthority,
  type LabServerCertificate,
} from '../../../src/lab/world/certificates.ts';
import { ConnectFailure, openTlsSocket, type TlsTrust, VerifyingAgent } from '../../../src/platform/tls.ts';
import {
  fingerprintOf,
  HOST,
  type Listener,
  listenPlain,
  listenTls,
  selfSignedCertificate,
  type TlsServer,
} from './tls-server.ts';

const { signal } = new AbortController();

let authority: LabAuthority;
let signed: LabServerCertificate;
let selfSigned: LabServerCertificate;
let server: TlsServer;
const toClose: (() => unknown)[] = [];

function closing<T extends Listener>(listener: T): T {
  toClose.push(() => listener.close());
  return listener;
}

/** A server that takes the connection and never says a word. */
const listenMute = async () => closing(await listenPlain((socket) => socket.resume()));

function agentWith(trust: TlsTrust): VerifyingAgent {
  const agent = new VerifyingAgent(trust);
  toClose.push(() => agent.destroy());
  return agent;
}

/** One GET; resolves to the answer's status. */
function get(agent: VerifyingAgent, options: https.RequestOptions = {}): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const request = https.get({ host: HOST, port: server.port, agent, path: '/secret', ...options }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode));
    });
    request.on('error', reject);
  });
}

const failureOf = (attempt: Promise<unknown>): Promise<unknown> =>
  attempt.then(
    () => undefined,
    (error: unknown) => error,
  );

const realTimeout = setTimeout;

async function until(condition: () => boolean): Promise<void> {
  const endMs = Date.now() + 3_000;
  while (!condition()) {
    if (Date.now() > endMs) throw new Error('the condition never came true');
    await new Promise((resolve) => realTimeout(resolve, 5));
  }
}

beforeAll(async () => {
  authority = await createAuthority();
  signed = await issueCertificate(authority, 'server.test');
  selfSigned = await selfSignedCertificate();
});

beforeEach(async () => {
  server = closing(await listenTls(signed));
});

afterEach(async () => {
  await Promise.all(toClose.splice(0).map((close) => close()));
});

const bySocket = async (trust: TlsTrust, host = HOST, port = server.port) => {
  const { socket } = await openTlsSocket({ host, port }, trust, signal);
  socket.destroy();
  return 200;
};
const byAgent = (trust: TlsTrust, host = HOST, port = server.port) => get(agentWith(trust), { host, port });

describe.each([
  ['socket', bySocket],
  ['agent', byAgent],
])('by %s', (_way, reach) => {
  test('a certificate of the given authority for this host is trusted', async () => {
    expect(await reach({ ca: authority.certificate })).toBe(200);
    expect(await reach({ ca: authority.certificate }, 'localhost')).toBe(200);
  });

  test.each([
    ['as openssl prints it', (shown: string) => shown],
    ['in lower case without colons', (shown: string) => shown.replaceAll(':', '').toLowerCase()],
  ])('the pinned certificate is trusted without its authority, %s', async (_form, written) => {
    expect(await reach({ fingerprint256: written(fingerprintOf(signed)) })).toBe(200);
  });

  test('the certificate that another server vouches for by its SHA-1 is trusted, and no other', async () => {
    const { fingerprint } = new X509Certificate(signed.cert);
    expect(await reach({ fingerprint1: fingerprint })).toBe(200);
    expect(await failureOf(reach({ ca: authority.certificate, fingerprint1: 'ab'.repeat(20) }))).toBeInstanceOf(
      ConnectFailure,
    );
  });

  test('a self-signed certificate for another name is trusted when it is pinned', async () => {
    server.show(selfSigned);
    expect(await reach({ fingerprint256: fingerprintOf(selfSigned) })).toBe(200);
  });

  test.each([
    ['the authorities of Node.js only', () => ({}), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    [
      'the authority of another server',
      async () => ({ ca: (await createAuthority('another CA')).certificate }),
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    ],
    ['a CA text that holds no certificate', () => ({ ca: 'no PEM' }), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    ['another pin', () => ({ fingerprint256: 'ab'.repeat(32) }), 'not the pinned certificate'],
    ['an empty pin', () => ({ fingerprint256: '' }), 'not the pinned certificate'],
    [
      'another pin, although the authority is right,',
      () => ({ ca: authority.certificate, fingerprint256: 'ab'.repeat(32) }),
      'not the pinned certificate',
    ],
  ])(
    'with %s the server is refused by the fingerprint it showed on that one connection, and nothing is sent',
    async (_what, trust, message) => {
      const failure = await failureOf(reach(await trust()));

      expect(failure).toBeInstanceOf(ConnectFailure);
      expect(failure).toMatchObject({ message, untrusted: { fingerprint256: fingerprintOf(signed) } });
      await until(() => server.open === 0);
      expect(server.connections).toBe(1);
      expect(server.received()).toBe('');
    },
  );

  test.each(['127.0.0.2', 'localhost'])(
    'a certificate for another name than %s is refused although its authority is trusted',
    async (host) => {
      server.show(selfSigned);
      const toServer = await listenPlain((socket) => {
        const onward = connect(server.port, HOST);
        socket.on('close', () => onward.destroy()).pipe(onward);
        onward.on('error', () => socket.destroy()).pipe(socket);
      }, host);
      closing(toServer);

      expect(await failureOf(reach({ ca: selfSigned.cert }, host, toServer.port))).toMatchObject({
        message: 'ERR_TLS_CERT_ALTNAME_INVALID',
        untrusted: { fingerprint256: fingerprintOf(selfSigned) },
      });
      expect(server.received()).toBe('');
    },
  );

  test('a port where nobody listens is no question of trust', async () => {
    const { port, close } = await listenPlain(() => undefined);
    await close();

    expect(await failureOf(reach({ ca: authority.certificate }, HOST, port))).toMatchObject({
      name: 'ConnectFailure',
      message: 'ECONNREFUSED',
      untrusted: undefined,
    });
  });

  test('a server that speaks no TLS, or hangs up in the handshake, is no question of trust', async () => {
    const plain = await listenPlain((socket) => socket.resume().end('HTTP/1.1 200 OK\r\n\r\n'));
    const leaving = await listenPlain((socket) => socket.once('data', () => socket.end()));
    for (const { port } of [closing(plain), closing(leaving)]) {
      const failure = await failureOf(reach({ fingerprint256: fingerprintOf(signed) }, HOST, port));
      expect(failure).toMatchObject({ name: 'ConnectFailure', untrusted: undefined });
    }
  });

  test('an address that cannot even be tried is a rejection, never thrown', async () => {
    const failure = await failureOf(reach({}, HOST, 70_000));
    expect(failure).toMatchObject({ name: 'ConnectFailure', message: 'ERR_SOCKET_BAD_PORT' });
  });
});

describe('the socket', () => {
  test('comes with the certificate of the server in DER', async () => {
    const trust = { ca: authority.certificate };
    const { socket, certificate } = await openTlsSocket({ host: HOST, port: server.port }, trust, signal);
    socket.destroy();

    expect(certificate.equals(new X509Certificate(signed.cert).raw)).toBe(true);
  });

  test('is given up at once when the signal aborts, with its reason', async () => {
    const mute = await listenMute();
    const abort = new AbortController();
    const reason = new Error('enough');
    const open = () => failureOf(openTlsSocket({ host: HOST, port: mute.port }, {}, abort.signal));
    const attempt = open();
    await until(() => mute.open === 1);
    abort.abort(reason);

    expect(await attempt).toBe(reason);
    await until(() => mute.open === 0);
    expect(await open()).toBe(reason);
    expect(mute.connections).toBe(1);
  });

  test('once open, heeds the signal no more, and an error closes it without ending the process', async () => {
    const abort = new AbortController();
    const trust = { ca: authority.certificate };
    const { socket } = await openTlsSocket({ host: HOST, port: server.port }, trust, abort.signal);
    abort.abort();
    expect(socket.destroyed).toBe(false);

    socket.destroy(new Error('broken line'));
    await until(() => socket.closed);
  });
});

describe('the agent', () => {
  test('serves one request after the other on the same connection', async () => {
    const agent = agentWith({ ca: authority.certificate });
    for (let nth = 0; nth < 3; nth += 1) expect(await get(agent)).toBe(200);
    expect(server.connections).toBe(1);
  });

  test('hands out sockets whose errors do not end the process while no request holds them', async () => {
    const agent = agentWith({ ca: authority.certificate });
    const socket = await new Promise<Duplex>((resolve, reject) => {
      agent.createConnection({ host: HOST, port: server.port }, (error, stream) => {
        if (error) reject(error);
        else resolve(stream);
      });
    });

    socket.destroy(new Error('broken line'));
    await until(() => socket.closed);
  });

  test.each([
    ['host name', () => ({ ca: `${authority.certificate}\n${selfSigned.cert}` })],
    ['pin', () => ({ fingerprint256: fingerprintOf(signed) })],
  ])('judges the %s anew on every connection: no earlier session vouches for it', async (_check, trust) => {
    const agent = agentWith(trust());
    expect(await get(agent, { headers: { connection: 'close' } })).toBe(200);
    const received = server.received();
    server.show(selfSigned);

    expect(await failureOf(get(agent))).toMatchObject({ untrusted: { fingerprint256: fingerprintOf(selfSigned) } });
    expect(server.received()).toBe(received);
  });

  test('wants a certificate for the address it connects to, whatever Host a request names', async () => {
    server.show(selfSigned);
    const agent = agentWith({ ca: selfSigned.cert });
    const failure = await failureOf(get(agent, { headers: { host: 'other.test' } }));
    expect(failure).toMatchObject({ message: 'ERR_TLS_CERT_ALTNAME_INVALID' });
  });

  test('gives a server that never finishes the handshake 30 seconds', async () => {
    const mute = await listenMute();
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'performance', 'Date'] });
    try {
      const attempt = failureOf(get(agentWith({}), { port: mute.port }));
      await until(() => mute.open === 1);
      jest.advanceTimersByTime(30_000);
      expect(await attempt).toMatchObject({ name: 'ConnectFailure', message: 'ETIMEDOUT' });
    } finally {
      jest.useRealTimers();
    }
  });

  test('destroyed while it connects, fails the request and leaves no connection', async () => {
    const mute = await listenMute();
    const agent = agentWith({});
    const attempt = failureOf(get(agent, { port: mute.port }));
    await until(() => mute.open === 1);
    agent.destroy();

    expect(await attempt).toMatchObject({ name: 'ConnectFailure' });
    await until(() => mute.open === 0);
  });

  test('never sends a request that was aborted while it connected', async () => {
    const agent = agentWith({ ca: authority.certificate });
    const abort = new AbortController();
    const attempt = failureOf(get(agent, { signal: abort.signal }));
    abort.abort();
    expect(await attempt).toMatchObject({ name: 'AbortError' });

    expect(await get(agent)).toBe(200);
    expect(server.received().match(/GET/g)).toHaveLength(1);
  });
});
