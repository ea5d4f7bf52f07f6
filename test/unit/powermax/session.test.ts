import { X509Certificate } from 'node:crypto';
import { inspect } from 'node:util';
import { createAuthority } from '../../../src/lab/world/certificates.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import { deviceId } from '../../../src/ports/identity.ts';
import type { StorageArray } from '../../../src/ports/storage-array.ts';
import { createPowerMax } from '../../../src/powermax/powermax.ts';
import {
  ARRAY,
  json,
  PASSWORD,
  type Script,
  type ScriptedUnisphere,
  startScriptedUnisphere,
  USER,
} from './scripted-unisphere.ts';

const { signal } = new AbortController();
const BASIC = Buffer.from(`${USER}:${PASSWORD}`, 'utf8').toString('base64');
const SNAPSHOT = { name: 'sh-run-1', devices: [deviceId('00001')], timeToLiveHours: 2 };

let script: Script = () => undefined;
let unisphere: ScriptedUnisphere;

beforeAll(async () => {
  unisphere = await startScriptedUnisphere((request) => script(request));
});
afterAll(() => unisphere.close());
beforeEach(() => {
  script = () => undefined;
  unisphere.faults.clear();
});

const connections = () => unisphere.events.events.filter(({ kind }) => kind === 'connection').length;
const requests = () => unisphere.events.events.filter(({ kind }) => kind === 'request').length;
const failureOf = async (attempt: Promise<unknown>): Promise<unknown> =>
  attempt.then(
    () => undefined,
    (error: unknown) => error,
  );

test('every request carries Basic credentials, JSON headers and the name of the application', async () => {
  const seen: Record<string, unknown>[] = [];
  script = ({ headers }) => {
    seen.push({ ...headers });
    return undefined;
  };

  await unisphere.array().warm(signal);

  expect(seen[0]).toMatchObject({
    authorization: `Basic ${BASIC}`,
    accept: 'application/json',
    'application-type': 'snaphook',
  });
});

test('a slash at the end of the URL does not become a double slash', async () => {
  await unisphere.array({ url: `${unisphere.url}/` }).warm(signal);

  expect(unisphere.requests().at(-1)).toBe('GET /univmax/restapi/version');
});

test('the establish goes out on the connection warm opened, and asks nothing before', async () => {
  script = ({ method }) => (method === 'POST' ? json({}, 201, { 'Restapi-Processing-Time': '219' }) : undefined);
  const array = unisphere.array();
  await array.warm(signal);
  const before = { connections: connections(), requests: requests() };

  const { serviceMs } = await array.establish(SNAPSHOT, signal);

  expect(serviceMs).toBe(219);
  expect(connections() - before.connections).toBe(0);
  expect(requests() - before.requests).toBe(1);
});

test('warm asks nothing while a connection is in use, and asks again when it has been idle', async () => {
  let idleMs = 0;
  const clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + idleMs };
  const array = unisphere.array({ clock });
  await array.warm(signal);
  const first = requests();

  await array.warm(signal);
  expect(requests() - first).toBe(0);

  idleMs = 60_000;
  await array.warm(signal);
  expect(requests() - first).toBe(1);
});

test('the password is asked for once, and again only after it was refused', async () => {
  let asked = 0;
  const array = unisphere.array({
    password: async () => {
      asked += 1;
      return PASSWORD;
    },
  });
  await array.warm(signal);
  await failureOf(array.inventory({ identities: [], pool: 'P' }, signal));
  expect(asked).toBe(1);

  script = () => ({ status: 401 });
  await expect(failureOf(array.facts(signal))).resolves.toMatchObject({ code: 'E_ARRAY_LOGIN' });
  script = () => undefined;
  await failureOf(array.facts(signal));
  expect(asked).toBe(2);
});

test('two arrays of one server, of which one has another server too, have at most 5 reads in flight at it together', async () => {
  script = ({ url }) => (url.includes('/snapshot') ? json({}) : undefined);
  const { url } = unisphere;
  const other = 'https://127.0.0.1:1';
  const arrays = [[url], [`${url}/`, other]].map((urls) =>
    createPowerMax({
      arrayId: ARRAY,
      servers: urls.map((server) => ({ url: server, tls: { ca: unisphere.authority.certificate } })),
      username: USER,
      password: async () => PASSWORD,
      clock: systemClock,
      snapVxApi: 'device-list',
    }),
  );
  await Promise.all(arrays.map((array) => array.warm(signal)));
  let open = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  unisphere.faults.add({ system: 'array', operation: 'GET', when: 'before', action: { do: 'call', run: () => gate } });
  const before = requests();
  const devices = ['00001', '00002', '00003', '00004'].map(deviceId);

  const reads = Promise.allSettled(arrays.map((array) => array.findSnapshots({ name: 'sh-run-1', devices }, signal)));
  while (requests() - before < 5) await new Promise((resolve) => setImmediate(resolve));
  // Waits for no place and comes after whatever else was sent.
  await arrays[0]?.establish(SNAPSHOT, signal);
  const inFlight = requests() - before - 1;
  open();
  await reads;
  for (const array of arrays) await array.close();

  expect(inFlight).toBe(5);
});

test.each([
  ['http://unisphere:8443', 'https'],
  ['https://user:secret@unisphere:8443', 'credentials'],
  ['unisphere', 'not valid'],
])('the URL %s is refused and not repeated', (url, reason) => {
  const create = () =>
    createPowerMax({
      arrayId: ARRAY,
      servers: [{ url, tls: {} }],
      username: USER,
      password: async () => PASSWORD,
      clock: systemClock,
    });

  expect(create).toThrow(expect.objectContaining({ code: 'E_CONFIG', message: expect.stringContaining(reason) }));
  expect(create).not.toThrow(/secret/);
});

describe('the server certificate', () => {
  const fingerprint = () => new X509Certificate(unisphere.certificate).fingerprint256;

  test('is accepted by its fingerprint', async () => {
    await unisphere.array({ tls: { fingerprint256: fingerprint() } }).warm(signal);
  });

  test('with another fingerprint is refused before a single byte of a request is sent', async () => {
    const before = requests();
    const array = unisphere.array({ tls: { fingerprint256: fingerprint().replace(/^../, 'FF') } });

    await expect(array.warm(signal)).rejects.toMatchObject({
      code: 'E_TLS_UNTRUSTED',
      message: expect.stringContaining(fingerprint()),
    });
    expect(requests() - before).toBe(0);
  });

  test.each(['another authority', 'no authority'])('signed by one we do not trust (%s) is refused', async (which) => {
    const stranger = await createAuthority('another CA');
    const tls = which === 'no authority' ? {} : { ca: stranger.certificate };
    const before = requests();

    await expect(unisphere.array({ tls }).establish(SNAPSHOT, signal)).rejects.toMatchObject({
      code: 'E_TLS_UNTRUSTED',
      effect: 'none',
      message: expect.stringContaining(fingerprint()),
      hint: expect.stringContaining('fingerprint256'),
    });
    expect(requests() - before).toBe(0);
  });
});

describe('a write whose answer never comes', () => {
  const attempts: readonly [string, () => StorageArray][] = [
    [
      'because the connection is cut',
      () => {
        unisphere.faults.add({ system: 'array', operation: 'POST', when: 'after', action: { do: 'drop' } });
        return unisphere.array();
      },
    ],
    [
      'because it takes too long',
      () => {
        unisphere.faults.add({ system: 'array', operation: 'POST', when: 'after', action: { do: 'hang' } });
        return unisphere.array({ requestTimeoutMs: { read: 5_000, write: 50 } });
      },
    ],
  ];

  test.each(attempts)('%s is sent once and its effect is unknown', async (_why, prepare) => {
    const array = prepare();
    await array.warm(signal);
    const before = requests();

    await expect(array.establish(SNAPSHOT, signal)).rejects.toMatchObject({
      code: 'E_ARRAY_UNREACHABLE',
      effect: 'unknown',
      retry: 'after-probe',
    });
    expect(requests() - before).toBe(1);
  });

  test('because the caller gave up has an unknown effect too', async () => {
    unisphere.faults.add({ system: 'array', operation: 'POST', when: 'before', action: { do: 'hang' } });
    const array = unisphere.array();
    await array.warm(signal);

    await expect(array.establish(SNAPSHOT, AbortSignal.timeout(50))).rejects.toMatchObject({
      code: 'E_DEADLINE',
      effect: 'unknown',
    });
  });

  test('but was refused as busy before anything happened is sent again', async () => {
    let posts = 0;
    script = ({ method }) => {
      if (method !== 'POST') return undefined;
      posts += 1;
      return posts < 4 ? json({ message: 'Unable to acquire the Symmetrix device lock' }, 500) : json({}, 201);
    };

    await unisphere.array().establish(SNAPSHOT, signal);

    expect(posts).toBe(4);
  });

  test('and may have happened behind a 503 is not sent again', async () => {
    let posts = 0;
    script = ({ method }) => {
      if (method !== 'POST') return undefined;
      posts += 1;
      return { status: 503, body: '<html>Service Unavailable</html>' };
    };

    await expect(unisphere.array().establish(SNAPSHOT, signal)).rejects.toMatchObject({
      code: 'E_ARRAY_BUSY',
      effect: 'unknown',
      retry: 'after-probe',
    });
    expect(posts).toBe(1);
  });
});

test('no connection at all means that nothing happened', async () => {
  const array = unisphere.array({ url: 'https://127.0.0.1:1' });

  await expect(array.establish(SNAPSHOT, signal)).rejects.toMatchObject({
    code: 'E_ARRAY_UNREACHABLE',
    effect: 'none',
    message: expect.stringContaining('ECONNREFUSED'),
  });
});

test('a read is repeated through 503, cut connections and locks', async () => {
  const answers = [
    { status: 503, body: 'busy' },
    json({ message: 'server busy' }, 504),
    json({ message: 'Unable to acquire the Symmetrix device lock' }, 500),
  ];
  script = () => answers.shift();
  unisphere.faults.add({ system: 'array', nth: 1, when: 'before', action: { do: 'drop' } });

  await unisphere.array().warm(signal);

  expect(answers).toEqual([]);
});

test('a read that was given up rejects with the reason of the caller', async () => {
  unisphere.faults.add({ system: 'array', when: 'before', action: { do: 'hang' } });
  const patience = new AbortController();
  const reason = new Error('enough');
  setImmediate(() => patience.abort(reason));

  await expect(unisphere.array().warm(patience.signal)).rejects.toBe(reason);
});

test('a redirect is not followed: credentials stay with the server they are for', async () => {
  script = () => ({ status: 302, headers: { Location: `${unisphere.url}/elsewhere` } });

  await expect(unisphere.array().warm(signal)).rejects.toMatchObject({ code: 'E_ARRAY' });
  expect(unisphere.requests().at(-1)).toBe('GET /univmax/restapi/version');
});

test('no error carries the password or the Authorization header, wherever one looks', async () => {
  const stranger = await createAuthority('another CA');
  const quick = { requestTimeoutMs: { read: 50, write: 50 } };
  const hang = () => unisphere.faults.add({ system: 'array', when: 'before', action: { do: 'hang' } });
  const drop = () => unisphere.faults.add({ system: 'array', when: 'after', action: { do: 'drop' } });
  const failures: readonly (() => Promise<unknown>)[] = [
    () => unisphere.array({ url: 'https://127.0.0.1:1' }).warm(signal),
    () => unisphere.array({ url: 'https://no-such-host.invalid' }).warm(signal),
    () => unisphere.array({ tls: { ca: stranger.certificate } }).warm(signal),
    () => unisphere.array({ tls: { ca: 'no certificate' } }).warm(signal),
    () => {
      hang();
      return unisphere.array(quick).warm(signal);
    },
    () => {
      hang();
      return unisphere.array().warm(AbortSignal.timeout(50));
    },
    () => {
      drop();
      return unisphere.array(quick).warm(signal);
    },
    async () => {
      const array = unisphere.array();
      await array.warm(signal);
      drop();
      return array.establish(SNAPSHOT, signal);
    },
    () => {
      script = () => ({ status: 401 });
      return unisphere.array().warm(signal);
    },
    () => {
      script = () => ({ status: 500, body: 'boom' });
      return unisphere.array().warm(signal);
    },
    () => {
      script = () => ({ status: 200, body: '{ "version": ' });
      return unisphere.array().warm(signal);
    },
  ];
  for (const fail of failures) {
    script = () => undefined;
    unisphere.faults.clear();
    const error = await failureOf(fail());

    expect(error).toMatchObject({ message: expect.any(String) });
    const everything = [
      inspect(error, { depth: 30, showHidden: true }),
      JSON.stringify(error),
      error instanceof Error ? `${error.stack} ${inspect(error.cause, { depth: 30 })}` : '',
    ].join('\n');
    for (const secret of [PASSWORD, BASIC, 'Authorization', 'authorization']) expect(everything).not.toContain(secret);
  }
});
