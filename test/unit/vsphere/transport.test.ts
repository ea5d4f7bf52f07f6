import { connect, createServer, type Server } from 'node:net';
import { createAuthority } from '../../../src/lab/world/certificates.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import { seenFingerprint } from '../../../src/vsphere/tls.ts';
import { createVsphere } from '../../../src/vsphere/vsphere.ts';
import { type ScriptedVcenter, startScriptedVcenter } from './scripted-vcenter.ts';

const signal = new AbortController().signal;
let server: ScriptedVcenter;

beforeEach(async () => {
  server = await startScriptedVcenter();
});

afterEach(async () => {
  await server.close();
});

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

async function listen(tcp: Server, host = '127.0.0.1') {
  await new Promise<void>((resolve) => tcp.listen(0, host, resolve));
  const address = tcp.address();
  if (typeof address !== 'object' || address === null) throw new Error('not listening');
  return { port: address.port, close: () => new Promise((resolve) => tcp.close(resolve)) };
}

async function fingerprint(): Promise<string> {
  const seen = await seenFingerprint('localhost', server.port);
  if (seen === undefined) throw new Error('no certificate was seen');
  return seen;
}

test.each([
  ['as Node writes it', (seen: string) => seen],
  ['in lower case without colons', (seen: string) => seen.replaceAll(':', '').toLowerCase()],
])('the pinned certificate is accepted without any authority, %s', async (_form, written) => {
  const vsphere = server.connect({ tls: { fingerprint256: written(await fingerprint()) } });
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

test('the authority of another server does not prove this one', async () => {
  const other = await createAuthority('another CA');
  expect(await rejection({ tls: { ca: other.certificate } })).toMatchObject({ code: 'E_TLS_UNTRUSTED' });
  expect(server.requests).toEqual([]);
});

test('a certificate for another name is refused although its authority is trusted', async () => {
  const forward = await listen(
    createServer((socket) => {
      const onward = connect(server.port, '127.0.0.1');
      socket.on('error', () => onward.destroy()).pipe(onward);
      onward.on('error', () => socket.destroy()).pipe(socket);
    }),
    '127.0.0.2',
  );
  const error = await rejection({ url: `https://127.0.0.2:${forward.port}/sdk` });
  expect(error).toMatchObject({ code: 'E_TLS_UNTRUSTED', message: expect.stringContaining('ALTNAME') });
  expect(server.requests).toEqual([]);
  await forward.close();
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
  for (const tls of [{ ca: server.ca }, { fingerprint256: '00'.repeat(32) }]) {
    const error = await rejection({ url: `https://127.0.0.1:${plain.port}`, tls });
    expect(error).toMatchObject({ code: 'E_VCENTER_UNREACHABLE' });
  }
  await plain.close();
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
