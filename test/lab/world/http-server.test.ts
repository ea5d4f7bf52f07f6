import http from 'node:http';
import net from 'node:net';
import { EventLog } from '../../../src/lab/world/events.ts';
import { FaultRules } from '../../../src/lab/world/faults.ts';
import { type LabCall, LabHttpServer, type LabRequest } from '../../../src/lab/world/http-server.ts';
import { until } from '../guest/until.ts';

const MIB = 1024 * 1024;

let server: LabHttpServer;
let events: EventLog;
let faults: FaultRules;
let port: number;

const start = async (identify: (request: LabRequest) => LabCall) => {
  events = new EventLog();
  faults = new FaultRules(events);
  const latency = { latencyMs: 0, jitterMs: 0 };
  server = new LabHttpServer({ system: 'array', events, faults, latency, identify });
  port = await server.listen();
};
const answering = (run: LabCall['run']) => start(() => ({ operation: 'Ask', object: 'it', run }));

afterEach(() => server.close());

interface Answer {
  readonly status: number | undefined;
  readonly connection: string | undefined;
  readonly text: string;
}

const post = (body: Buffer | string, agent?: http.Agent): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const options = { port, host: '127.0.0.1', method: 'POST', ...(agent ? { agent } : {}) };
    const request = http.request(options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        resolve({ status: response.statusCode, connection: response.headers.connection, text });
      });
    });
    request.on('error', reject);
    request.end(body);
  });

test('a body of 16 MiB is served; a longer one is answered 413, its connection closed, and the server lives on', async () => {
  await answering(() => ({ status: 200, body: 'yes' }));

  expect((await post(Buffer.alloc(16 * MIB))).status).toBe(200);
  expect(await post(Buffer.alloc(16 * MIB + 1))).toMatchObject({ status: 413, connection: 'close' });
  expect((await post('x')).text).toBe('yes');
  expect(events.events.filter(({ operation }) => operation === 'Ask')).toHaveLength(4);
  expect(events.events.find(({ operation }) => operation === 'body too large')?.detail).toMatchObject({ status: 413 });
});

test('a body without end is cut off', async () => {
  await answering(() => ({ status: 200 }));
  const socket = net.connect(port, '127.0.0.1');
  const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()));
  socket.on('error', () => undefined);
  socket.resume();
  socket.write('POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
  const chunk = Buffer.concat([Buffer.from(`${MIB.toString(16)}\r\n`), Buffer.alloc(MIB), Buffer.from('\r\n')]);
  // Once the server has closed its side, a write fails at once and asks for the next one: nothing else would ever run again.
  const more = () => {
    if (socket.writable) socket.write(chunk, more);
  };
  more();

  await closed;
  expect((await post('x')).status).toBe(200);
});

test('a client that leaves in the middle of its body harms nobody', async () => {
  await answering(() => ({ status: 200 }));
  const socket = net.connect(port, '127.0.0.1');
  socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf');
  await until(() => events.events.some(({ kind }) => kind === 'connection'));
  socket.destroy();

  expect((await post('x')).status).toBe(200);
});

test('a defect in finding out what a call is answers 599 and is in the log', async () => {
  await start(() => {
    throw new Error('cannot read this');
  });

  const answer = await post('x');

  expect(answer.status).toBe(599);
  expect(answer.text).toContain('cannot read this');
  expect(events.events.at(-1)).toMatchObject({ kind: 'answer', operation: 'Unidentified', detail: { status: 599 } });
  expect(String(events.events.at(-1)?.detail.defect)).toContain('cannot read this');
});

test('a defect in answering cuts the connection, is in the log, and the server lives on', async () => {
  let bad = true;
  await answering(() => ({ status: 200, headers: bad ? { 'X-Bad': 'line\nfeed' } : {} }));

  await expect(post('x')).rejects.toThrow(/hang up|ECONNRESET/);
  bad = false;

  expect((await post('x')).status).toBe(200);
  const defects = events.events.filter(({ detail }) => detail.defect !== undefined);
  expect(defects).toMatchObject([{ kind: 'answer', operation: 'lab defect' }]);
});

test('a fault rule that fails cuts the connection too', async () => {
  await answering(() => ({ status: 200 }));
  const run = () => Promise.reject(new Error('bad rule'));
  faults.add({ system: 'array', when: 'before', nth: 1, action: { do: 'call', run } });

  await expect(post('x')).rejects.toThrow(/hang up|ECONNRESET/);
  expect((await post('x')).status).toBe(200);
});

test('a body made at sending is not made for an answer that a rule replaced', async () => {
  let made = 0;
  const body = () => {
    made += 1;
    return Buffer.from(`answer ${made}`);
  };
  await answering(() => ({ status: 200, body }));
  faults.add({ system: 'array', when: 'after', nth: 1, action: { do: 'answer', status: 503 } });
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

  expect((await post('x', agent)).status).toBe(503);
  expect((await post('x', agent)).text).toBe('answer 1');
  agent.destroy();
});

test('a late rule lets the effect come when the client has given up, and tells nobody', async () => {
  let effects = 0;
  await answering(() => {
    effects += 1;
    return { status: 200 };
  });
  faults.add({ system: 'array', when: 'before', nth: 1, action: { do: 'late', afterMs: 5 } });
  const client = http.request({ port, host: '127.0.0.1', method: 'POST' });
  const given = new Promise<void>((resolve) => client.once('error', () => resolve()));
  client.end('x');
  await until(() => events.events.some(({ kind }) => kind === 'fault'));
  expect(effects).toBe(0);

  client.destroy();
  await given;

  await until(() => events.events.some(({ kind }) => kind === 'answer'));
  expect(effects).toBe(1);
});
