import { X509Certificate } from 'node:crypto';
import { inspect } from 'node:util';
import { channelBindingHash } from '../../../../../src/guest/windows/winrm/channel-binding.ts';
import { openConnection, type WinRmConnection } from '../../../../../src/guest/windows/winrm/connection.ts';
import { tlsServerEndPoint } from '../../../../../src/guest/windows/winrm/tls-end-point.ts';
import { WinRmError } from '../../../../../src/guest/windows/winrm/winrm-error.ts';
import { systemClock } from '../../../../../src/platform/clock.ts';
import { challengeMessage, FULL_FLAGS } from './ntlm-challenge.ts';
import { fault, type PeerReply, soap, startWinRmPeer, type WinRmPeer } from './winrm-peer.ts';

const MESSAGE = '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Header/><s:Body/></s:Envelope>';
const CREDENTIALS = { authentication: 'basic', username: 'backup', password: 'p<ss&word' } as const;

let peer: WinRmPeer;
let connection: WinRmConnection;

async function open(...replies: readonly PeerReply[]): Promise<void> {
  const left = [...replies];
  peer = await startWinRmPeer(() => left.shift() ?? soap('<r:SendResponse/>'));
  const endpoint = { address: '127.0.0.1', port: peer.port, tls: { ca: peer.ca }, connectTimeoutMs: 5000 };
  connection = await openConnection({ ...endpoint, scheme: 'https' }, CREDENTIALS, systemClock);
}

const problemOf = async (promise: Promise<unknown>): Promise<WinRmError['problem']> => {
  const thrown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(thrown instanceof WinRmError)) throw new Error(`not a WinRM error: ${String(thrown)}`);
  return thrown.problem;
};

afterEach(async () => {
  connection?.close();
  await peer.close();
});

test('many requests share one connection, in the order of the calls', async () => {
  await open();

  await Promise.all(
    [1, 2, 3, 4, 5].map((number) =>
      connection.exchange(MESSAGE.replace('Header/', `Header><n>${number}</n></s:Header`), 5000),
    ),
  );

  expect(peer.connections()).toBe(1);
  expect(peer.calls.map(({ envelope }) => envelope.children[0]?.children[0]?.text)).toEqual(['1', '2', '3', '4', '5']);
});

test('a SOAP fault inside HTTP status 500 is a fault, and the connection stays usable', async () => {
  await open(fault(2150859173, 'too many'));

  expect(await problemOf(connection.exchange(MESSAGE, 5000))).toMatchObject({
    kind: 'fault',
    fault: { kind: 'quota', code: 2150859173, message: 'too many' },
  });
  await connection.exchange(MESSAGE, 5000);
  expect(peer.connections()).toBe(1);
});

test.each([
  [
    { status: 503, body: '' },
    { kind: 'http', status: 503 },
  ],
  [
    { status: 500, body: 'Internal Server Error' },
    { kind: 'http', status: 500 },
  ],
  [{ status: 200, body: '<html/>' }, { kind: 'malformed' }],
  [{ status: 200, body: '<!DOCTYPE e [<!ENTITY a "b">]><e>&a;</e>' }, { kind: 'malformed' }],
  [{ status: 401, body: '' }, { kind: 'login' }],
] as const)('answer %j is %j', async (reply, problem) => {
  await open(reply);

  expect(await problemOf(connection.exchange(MESSAGE, 5000))).toMatchObject(problem);
});

test('a broken connection is told as such and never opened again', async () => {
  await open('drop');

  expect(await problemOf(connection.exchange(MESSAGE, 5000))).toMatchObject({ kind: 'disconnected' });
  expect(connection.isOpen).toBe(false);
  expect(await problemOf(connection.exchange(MESSAGE, 2000))).toMatchObject({ kind: 'disconnected' });
  expect(peer.connections()).toBe(1);
});

test('no answer in time is a time-out and closes the connection, for an answer may still come', async () => {
  await open('hang');

  expect(await problemOf(connection.exchange(MESSAGE, 50))).toEqual({ kind: 'timeout', timeoutMs: 50 });
  expect(connection.isOpen).toBe(false);
});

test('an aborted request rejects with the reason of its signal and closes the connection', async () => {
  await open('hang');
  const stop = new AbortController();
  const waiting = connection.exchange(MESSAGE, 5000, stop.signal);
  stop.abort(new Error('stopped by the test'));

  await expect(waiting).rejects.toThrow('stopped by the test');
  expect(connection.isBusy).toBe(false);
});

test('no error of a request shows the credentials', async () => {
  await open('drop', { status: 401, body: '' });
  const thrown = await connection.exchange(MESSAGE, 5000).catch((reason: unknown) => reason);

  const shown = inspect(thrown, { depth: 20, showHidden: true });
  expect(shown).not.toContain(CREDENTIALS.password);
  expect(shown).not.toContain(Buffer.from(`backup:${CREDENTIALS.password}`).toString('base64'));
});

describe('NTLM over TLS', () => {
  const challenged = (): PeerReply => ({
    status: 401,
    body: '',
    challenge: `Negotiate ${challengeMessage(FULL_FLAGS, []).toString('base64')}`,
  });
  const login = async (...replies: readonly PeerReply[]) => {
    const left = [...replies];
    peer = await startWinRmPeer(() => left.shift() ?? soap(''));
    const endpoint = { address: '127.0.0.1', port: peer.port, tls: { ca: peer.ca }, connectTimeoutMs: 5000 };
    const credentials = { ...CREDENTIALS, authentication: 'ntlm' as const };
    return await openConnection({ ...endpoint, scheme: 'https' }, credentials, systemClock);
  };

  test('the login is bound to the certificate of its own channel', async () => {
    connection = await login(challenged(), { status: 200, body: '' });

    const answer = Buffer.from(peer.calls[1]?.authorization?.split(' ')[1] ?? '', 'base64');
    const binding = channelBindingHash(tlsServerEndPoint(new X509Certificate(peer.certificate).raw));
    expect(answer.includes(binding)).toBe(true);
    expect(peer.connections()).toBe(1);
  });

  test('a refused account is a login problem after one try', async () => {
    const problem = await problemOf(login(challenged(), { status: 401, body: '', challenge: 'Negotiate' }));

    expect(problem).toEqual({ kind: 'login', reason: 'user name or password refused' });
    expect(peer.calls).toHaveLength(2);
  });

  test('a server without Negotiate is told with what it offers', async () => {
    const problem = await problemOf(login({ status: 401, body: '', challenge: 'Basic realm="WSMAN"' }));

    expect(problem).toEqual({ kind: 'login', reason: 'the server does not offer Negotiate, only Basic' });
  });

  test('a challenge that would weaken the session is not answered', async () => {
    const weak = `Negotiate ${challengeMessage(FULL_FLAGS & ~0x20, []).toString('base64')}`;

    expect(await problemOf(login({ status: 401, body: '', challenge: weak }))).toMatchObject({ kind: 'malformed' });
    expect(peer.calls).toHaveLength(1);
  });
});

test('a server that never finishes the login is unreachable after the connect time-out', async () => {
  await open();
  const endpoint = { address: '127.0.0.1', port: peer.port, scheme: 'http' as const, tls: {}, connectTimeoutMs: 100 };

  // A TLS server waits for a handshake that plain HTTP never sends.
  const opening = openConnection(endpoint, { ...CREDENTIALS, authentication: 'ntlm' }, systemClock);

  expect(['unreachable', 'disconnected']).toContain((await problemOf(opening)).kind);
});
