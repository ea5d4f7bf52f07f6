import { X509Certificate } from 'node:crypto';
import https from 'node:https';
import { createServer, type Server, type Socket } from 'node:net';
import { createAuthority, issueCertificate } from '../../../src/lab/world/certificates.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import { openTlsSocket } from '../../../src/platform/tls.ts';
import { Transport } from '../../../src/vsphere/transport.ts';
import { createVsphere } from '../../../src/vsphere/vsphere.ts';
import { ok, type ScriptedVcenter, startScriptedVcenter } from './scripted-vcenter.ts';
import { answerOf } from './soap-answers.ts';

const signal = new AbortController().signal;
let server: ScriptedVcenter;

beforeEach(async () => {
  server = await startScriptedVcenter({
    FindByInventoryPath: () => ok(answerOf('FindByInventoryPath', '')),
  });
});

afterEach(async () => {
  await server.close();
});

const connections = () => server.events.events.filter(({ kind }) => kind === 'connection').length;

async function rejection(changes: Parameters<ScriptedVcenter['connect']>[0]): Promise<Error> {
  const vsphere = server.connect(changes);
  try {
    await vsphere.facts(signal);
  } catch (error) {
    if (error instanceof Error) return error;
  } finally {
    await vsphere.close();
  }
  throw new Error('nothing was thrown');
}

async function listen(tcp: Server) {
  await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve));
  const address = tcp.address();
  if (typeof address !== 'object' || address === null) throw new Error('not listening');
  return { port: address.port, close: () => new Promise((resolve) => tcp.close(resolve)) };
}

async function fingerprint(): Promise<string> {
  const { socket, certificate } = await openTlsSocket(
    { host: 'localhost', port: server.port },
    { ca: server.ca },
    signal,
  );
  socket.destroy();
  return new X509Certificate(certificate).fingerprint256;
}

test('the pinned certificate is accepted without any authority', async () => {
  const vsphere = server.connect({ tls: { fingerprint256: await fingerprint() } });
  expect(await vsphere.facts(signal)).toMatchObject({ version: '8.0.3' });
  await vsphere.close();
});

test.each([
  ['an unknown authority', {}],
  ['another pinned certificate', { fingerprint256: 'ab'.repeat(32) }],
])('with %s nothing is sent, and the error tells the fingerprint and how to pin it', async (_what, tls) => {
  const error = await rejection({ tls });
  const seen = await fingerprint();
  expect(error).toMatchObject({
    code: 'E_TLS_UNTRUSTED',
    message: expect.stringContaining(seen),
    hint: expect.stringContaining(`fingerprint256 "${seen}"`),
  });
  expect(server.requests).toEqual([]);
});

test('a port where nobody listens is unreachable, to be tried again', async () => {
  const idle = await listen(createServer());
  await idle.close();
  expect(await rejection({ url: `https://127.0.0.1:${idle.port}` })).toMatchObject({
    code: 'E_VCENTER_UNREACHABLE',
    retry: 'safe',
    message: expect.stringContaining('ECONNREFUSED'),
  });
});

test('a server that speaks no TLS is unreachable', async () => {
  const plain = await listen(createServer((socket) => socket.resume().end('HTTP/1.1 200 OK\r\n\r\n')));
  expect(await rejection({ url: `https://127.0.0.1:${plain.port}` })).toMatchObject({ code: 'E_VCENTER_UNREACHABLE' });
  await plain.close();
});

test('a server that never finishes the handshake costs no more than the time limit', async () => {
  let leave = () => {};
  const mute = await listen(
    createServer((socket) => {
      leave = () => socket.destroy();
      socket.on('error', () => undefined).resume();
    }),
  );
  expect(await rejection({ url: `https://127.0.0.1:${mute.port}`, requestTimeoutMs: 120 })).toMatchObject({
    code: 'E_VCENTER_UNREACHABLE',
    message: expect.stringContaining('within 120 ms'),
  });
  leave();
  await mute.close();
});

test.each(['authority', 'pin'])('many lookups at once share four connections, with trust by %s', async (by) => {
  const tls = by === 'pin' ? { fingerprint256: await fingerprint() } : { ca: server.ca };
  const before = connections();
  const vsphere = server.connect({ tls });
  const paths = Array.from({ length: 20 }, (_, nth) => ({ by: 'path', inventoryPath: `dc/vm/vm-${nth}` }) as const);
  expect(await vsphere.findVms(paths, signal)).toEqual(paths.map(() => []));
  await vsphere.close();
  expect(connections() - before).toBe(4);
});

test('an answer that does not come is given up after the time limit', async () => {
  server.faults.add({ system: 'vcenter', operation: 'Login', when: 'before', action: { do: 'hang' } });
  expect(await rejection({ requestTimeoutMs: 120 })).toMatchObject({
    code: 'E_VCENTER_UNREACHABLE',
    retry: 'safe',
    message: expect.stringContaining('within 120 ms'),
  });
});

test('a kept connection that the server has closed is replaced; a login that was cut off is not sent again', async () => {
  const drop = (operation: string) =>
    server.faults.add({ system: 'vcenter', operation, nth: 1, when: 'before', action: { do: 'drop' } });
  drop('CreateContainerView');
  const vsphere = server.connect();
  expect(await vsphere.findVms([{ by: 'name', name: 'a' }], signal)).toEqual([[]]);
  await vsphere.close();
  expect(server.operations().filter((operation) => operation === 'CreateContainerView')).toHaveLength(2);

  drop('Login');
  expect(await rejection({})).toMatchObject({ code: 'E_VCENTER_UNREACHABLE', retry: 'safe' });
  expect(server.operations().filter((operation) => operation === 'Login')).toHaveLength(2);
});

test.each(['reset', 'end'] as const)(
  'an answer that is cut off by %s on a kept connection is not asked for again',
  async (how) => {
    const authority = await createAuthority();
    let connection: Socket | undefined;
    let asked = 0;
    const web = https.createServer(await issueCertificate(authority, 'localhost'), (_request, response) => {
      asked += 1;
      if (asked === 1) response.end('first');
      else if (asked === 2) response.writeHead(200, { 'content-length': '10000' }).write(Buffer.alloc(5_000, 'a'));
      else response.end(Buffer.alloc(10_000, 'b'));
    });
    web.on('connection', (socket: Socket) => {
      connection = socket;
      socket.on('error', () => socket.destroy());
    });
    const { port, close } = await listen(web);
    const transport = new Transport({ host: 'localhost', port, tls: { ca: authority.certificate } });
    const seen: number[] = [];
    const get = (write: (bytes: Uint8Array) => boolean) =>
      transport.send({
        method: 'GET',
        path: '/',
        operation: 'GET',
        headers: {},
        bytes: { write },
        repeatable: true,
        timeoutMs: 10_000,
        signal,
      });
    await get(() => true);
    await new Promise((resolve) => setImmediate(resolve)); // the connection is free again
    const cutOff = get(({ length }) => {
      seen.push(length);
      if (how === 'reset') connection?.resetAndDestroy();
      else connection?.destroy();
      return true;
    });
    await expect(cutOff).rejects.toMatchObject({ code: 'E_VCENTER_UNREACHABLE' });
    expect([asked, seen]).toEqual([2, [5_000]]);
    transport.close();
    await close();
  },
);

test.each(['http://vc.test', 'https://user:pw@vc.test', 'https://', 'vc test'])('"%s" is no address', (url) => {
  const options = { url, username: 'u', password: async () => 'p', tls: {}, clock: systemClock };
  expect(() => createVsphere(options)).toThrow(expect.objectContaining({ code: 'E_CONFIG' }));
});

test('an address may have blanks around it, no scheme, and the path with or without slash', async () => {
  for (const url of [` localhost:${server.port} `, `https://localhost:${server.port}/sdk/`]) {
    const vsphere = server.connect({ url });
    await expect(vsphere.facts(signal)).resolves.toMatchObject({ product: 'VMware vCenter Server' });
    await vsphere.close();
  }
  expect(server.requests.find(({ operation }) => operation === 'Login')?.request.url).toBe('/sdk');
});
