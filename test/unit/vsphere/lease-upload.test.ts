import type { IncomingMessage, ServerResponse } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { createAuthority, issueCertificate } from '../../../src/lab/world/certificates.ts';
import { uploadDisk } from '../../../src/vsphere/lease-upload.ts';
import { failure } from '../../failure.ts';
import { ManualClock } from '../job/manual-clock.ts';

const signal = new AbortController().signal;
const STALL_MS = 5 * 60_000;
const PART = Buffer.alloc(1024 * 1024, 7);

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** An ESXi host that does with a disk what the test says. */
async function hostThat(handle: (request: IncomingMessage, response: ServerResponse) => void) {
  const authority = await createAuthority();
  const server = https.createServer(await issueCertificate(authority, 'localhost'), handle);
  // A host may keep a connection for as long as it likes.
  server.keepAliveTimeout = 0;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  // It listens on a port, so its address is none of a pipe.
  const { port } = server.address() as AddressInfo;
  const clock = new ManualClock();
  const target = { key: '/vm-1/x', url: `https://localhost:${port}/nfc/1`, thumbprint: '' };
  const upload = (stream: AsyncIterable<Uint8Array>) =>
    uploadDisk(target, { server: 'localhost', tls: { ca: authority.certificate }, clock }, stream, signal);
  return { clock, upload };
}

/** More than sockets hold. */
async function* endless() {
  for (;;) yield PART;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

test('a host that takes no byte for five minutes ends the upload', async () => {
  const { clock, upload } = await hostThat((request) => void request.pause());
  let isOver = false;
  const ended = failure(upload(endless())).finally(() => {
    isOver = true;
  });

  const untilMs = performance.now() + 4_000;
  while (!isOver && performance.now() < untilMs) await clock.advance(STALL_MS);
  expect(isOver).toBe(true);
  expect(await ended).toMatchObject({ code: 'E_VCENTER_UNREACHABLE', message: expect.stringContaining('nothing') });
});

test('a host that never answers to the end of a disk ends the upload; an image that is slow to read does not', async () => {
  let hasAll = false;
  const { clock, upload } = await hostThat((request) => {
    request.resume();
    request.on('end', () => {
      hasAll = true;
    });
  });
  let isOver = false;
  let isSlow = false;
  let goOn = (): void => undefined;
  async function* slow() {
    yield PART;
    isSlow = true;
    await new Promise<void>((resolve) => {
      goOn = resolve;
    });
    yield PART;
  }
  const ended = failure(upload(slow())).finally(() => {
    isOver = true;
  });
  await until(() => isSlow);
  await clock.advance(10 * STALL_MS);
  expect(isOver).toBe(false);

  goOn();
  await until(() => hasAll);
  await clock.advance(STALL_MS);
  expect(await ended).toMatchObject({ code: 'E_VCENTER_UNREACHABLE' });
});

test('a host that refuses a disk in the middle, reads no further and keeps the connection is heard at once', async () => {
  const { upload } = await hostThat((request, response) => {
    request.once('data', () => {
      request.pause();
      response.writeHead(507).end();
    });
  });

  expect(await failure(upload(endless()))).toMatchObject({
    code: 'E_VCENTER',
    message: expect.stringContaining('507'),
  });
});
