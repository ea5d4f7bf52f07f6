import { faultBody, PASSING_FAULTS } from '../../../src/lab/unisphere/messages.ts';
import { ARRAY, at, fixture, TestSite, until } from './test-site.ts';

let site: TestSite;
const start = async (options?: Parameters<typeof TestSite.start>[0]) => {
  site = await TestSite.start(options);
  return site;
};
afterEach(() => site.stop());

const VERSION = '/univmax/restapi/version';

test.each([
  ['9.2', '92', ['version']],
  ['10.0', '100', ['version', 'api_version', 'supported_api_versions']],
  ['10.3', '103', ['version', 'api_version', 'supported_api_versions']],
] as const)(
  'release %s tells its version in the published shape and serves its own endpoint',
  async (version, own, keys) => {
    await start({ version });

    const answer = await site.get(VERSION);

    expect(Object.keys(answer).sort()).toEqual([...keys].sort());
    expect(answer.version).toMatch(/^[VTX]\d+\.\d+\./);
    expect(await site.get('/univmax/restapi/system/version')).toEqual(answer);
    if (keys.length === 3) expect(at(answer, 'supported_api_versions.0')).toBe(own);
    await site.get(`/univmax/restapi/${own}/system/symmetrix/${ARRAY}`);
  },
);

test('an endpoint version that is not listed is not found', async () => {
  await start({ version: '10.3' });
  const supported = (await site.get(VERSION)).supported_api_versions as string[];

  for (const version of ['84', '92', '100', '101', '102', '103', '104']) {
    const { status } = await site.send({ path: `/univmax/restapi/${version}/system/symmetrix` });
    expect([version, status]).toEqual([version, supported.includes(version) ? 200 : 404]);
  }
});

test('before 10.1 there are no enhanced lists', async () => {
  await start({ version: '10.0' });
  expect((await site.send({ path: `/univmax/rest/v1/systems/${ARRAY}/volumes` })).status).toBe(404);
});

test('every request needs credentials: none gets no body, wrong ones a page that is not JSON', async () => {
  await start();
  const none = await site.send({ path: VERSION, credentials: null });
  const wrong = await site.send({ path: VERSION, credentials: 'admin:guess' });
  const unknown = await site.send({ path: '/univmax/restapi/nothing/here', credentials: null });

  expect(none).toMatchObject({ status: 401, text: '' });
  expect(none.headers['www-authenticate']).toMatch(/^Basic/);
  expect(wrong.status).toBe(401);
  expect(() => JSON.parse(wrong.text)).toThrow();
  expect(unknown.status).toBe(401);
});

test('a monitor reads and may not write', async () => {
  await start();
  const credentials = 'watcher:watch-secret';
  expect((await site.send({ path: site.sloprovisioning('/volume/00001'), credentials })).status).toBe(200);

  const answer = await site.send({
    method: 'POST',
    path: site.privateReplication('/snapshot/one'),
    body: fixture('private-snapshot-create-request'),
    credentials,
  });

  expect(answer.status).toBe(403);
  expect(site.store.snapshots('00001')).toEqual([]);
});

test('a double slash and an unknown path are not found, and the event log says they are not served', async () => {
  await start();
  const double = await site.send({ path: '/univmax/restapi//version' });
  await site.send({ method: 'POST', path: `/univmax/rest/private/v1/systems/${ARRAY}/volumes`, body: {} });

  expect(double).toMatchObject({ status: 404, text: 'Not Found' });
  const unserved = site.events.events.filter((event) => event.kind === 'unserved').map((event) => event.operation);
  expect(unserved).toEqual(['GET /univmax/restapi//version', `POST /univmax/rest/private/v1/systems/${ARRAY}/volumes`]);
});

test('answers carry the headers of a real server, chunked', async () => {
  await start({ knobs: { establishMs: 3000, afterEstablishMs: 2000 }, pace: 0.01 });
  const { headers } = await site.send({ path: VERSION });
  const expected = fixture('response-headers');
  for (const [name, value] of Object.entries(expected)) {
    const sent = headers[name.toLowerCase()];
    expect(sent).toBeDefined();
    if (!['Date', 'Restapi-Processing-Time', 'Restapi-Active-Session-Count'].includes(name)) expect(sent).toBe(value);
  }
  expect(headers['content-length']).toBeUndefined();

  const slow = await site.send({
    method: 'POST',
    path: site.privateReplication('/snapshot/timed'),
    body: fixture('private-snapshot-create-request'),
  });
  expect(Number(slow.headers['restapi-processing-time'])).toBeGreaterThanOrEqual(49);
});

test('a client may name a version in its JSON content type', async () => {
  await start();
  const { status } = await site.send({
    method: 'POST',
    path: site.privateReplication('/snapshot/versioned'),
    body: fixture('private-snapshot-create-request'),
    headers: { 'Content-Type': 'application/json;version=100', Accept: 'application/json;version=100' },
  });
  expect(status).toBe(201);
});

test('a body that is not JSON is refused', async () => {
  await start();
  const { status, text } = await site.send({
    method: 'PUT',
    path: site.sloprovisioning('/volume/00001'),
    rawBody: '{"editVolume',
  });
  expect([status, Object.keys(JSON.parse(text))]).toEqual([400, ['message']]);
});

test('a body with objects where values belong is refused', async () => {
  await start();
  const inner = { toString: 1 };
  const body = (more: object) => ({ deviceNameListSource: [{ name: '00001' }], ...more });
  for (const more of [{ timeToLive: inner }, { timeToLive: 1, timeInHours: inner }])
    await site.refused('POST', site.privateReplication('/snapshot/one'), body(more), 400);
  const path = site.privateReplication('/snapshot/one');
  await site.refused('PUT', path, body({ action: 'constructor' }), 400);
});

test('calls beyond the limit of an array are turned away, and the sessions are counted', async () => {
  await start({ knobs: { readMs: 5000, maxActiveRequests: 2 }, pace: 0.2 }); // so long that all three are there, on a full machine too
  const path = site.sloprovisioning('/volume/00001');

  const answers = await Promise.all([1, 2, 3].map(() => site.send({ path })));

  expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 503]);
  const busy = answers.find(({ status }) => status === 503);
  expect(busy?.headers['content-type']).toBe('text/html');
  expect(() => JSON.parse(busy?.text ?? '{}')).toThrow();
  const counts = answers.map(({ headers }) => Number(headers['restapi-active-session-count']));
  expect(Math.max(...counts)).toBeGreaterThanOrEqual(2);
});

test('two changes of one device at the same time: the second gets the device lock message, and the lock is shown', async () => {
  await start({ knobs: { establishMs: 10_000 }, pace: 0.01 });
  const body = { deviceNameListSource: [{ name: '00001' }] };
  const first = site.call('POST', site.privateReplication('/snapshot/first'), body);
  const held = await until(
    () => site.get(site.system(`/symmetrix/${ARRAY}?include_lock_info=true`)),
    ({ lockInfo }) => Array.isArray(lockInfo) && lockInfo.length > 0,
  );
  const message = await site.refused('POST', site.privateReplication('/snapshot/second'), body, 500);
  await first;

  expect(message).toBe('Unable to acquire the Symmetrix device lock');
  expect(held.lockInfo).toEqual([expect.objectContaining({ lock_user: 'admin' })]);
  expect((await site.get(site.system(`/symmetrix/${ARRAY}?include_lock_info=true`))).lockInfo).toEqual([]);
  expect(site.store.snapshots('00001').map(({ name }) => name)).toEqual(['first']);
});

test('a fault rule after the effect hides an establish that happened', async () => {
  await start();
  site.faults.add({
    system: 'array',
    operation: 'POST private/snapshot',
    object: 'hidden',
    when: 'after',
    action: { do: 'answer', status: 503, body: faultBody(PASSING_FAULTS.unavailable) },
  });
  const answer = await site.send({
    method: 'POST',
    path: site.privateReplication('/snapshot/hidden'),
    body: fixture('private-snapshot-create-request'),
  });
  expect([answer.status, answer.text]).toEqual([503, '{"message":"Service Unavailable"}']);
  expect(site.store.snapshots('00003')).toHaveLength(1);
});

test('calls are named by operation and object for the event log and rules', async () => {
  await start();
  await site.get(site.sloprovisioning('/volume/00001'));
  await site.call('POST', site.privateReplication('/snapshot/named'), fixture('private-snapshot-create-request'));
  await site.call('PUT', site.privateReplication('/snapshot/named'), fixture('private-snapshot-link-request-cinder'));
  await site.get(site.v1(`${ARRAY}/volumes`));
  await site.call('POST', site.sloprovisioning('/storagegroup'), { storageGroupId: 'new-group', srpId: 'none' });

  const named = site.events.events.filter(({ kind }) => kind === 'request').map((one) => [one.operation, one.object]);
  expect(named).toEqual([
    ['GET volume', '00001'],
    ['POST private/snapshot', 'named'],
    ['PUT private/snapshot Link', 'named'],
    ['GET v1/volumes', ''],
    ['POST storagegroup', 'new-group'],
  ]);
});

test('an array that is not local can be read and not controlled', async () => {
  await start({ local: false });
  expect((await site.get(site.system(`/symmetrix/${ARRAY}`))).local).toBe(false);
  await site.refused(
    'POST',
    site.privateReplication('/snapshot/no'),
    { deviceNameListSource: [{ name: '00001' }] },
    500,
  );
  expect(site.store.snapshots('00001')).toEqual([]);
});

test('the microcode is called ucode by 9.x, microcode by 10.x and both by the latest', async () => {
  await start({ version: '10.3' });
  const body = (version: number) => site.get(`/univmax/restapi/${version}/system/symmetrix/${ARRAY}`);
  expect(await body(100)).toMatchObject({ microcode: '5978.711.711' });
  expect((await body(100)).ucode).toBeUndefined();
  expect(await body(103)).toMatchObject({ microcode: '5978.711.711', ucode: '5978.711.711' });
  await site.stop();
  await start({ version: '9.2' });
  expect(await body(92)).toMatchObject({ ucode: '5978.711.711' });
  expect((await body(92)).microcode).toBeUndefined();
});

test('a refresh of the object model is accepted once per five minutes', async () => {
  await start();
  const path = site.system(`/symmetrix/${ARRAY}/refresh`);
  await site.call('POST', path, {}, 200);
  expect(await site.refused('POST', path, {}, 429)).toBe('Too Many Requests');
});

test('a missing SnapVX licence shows in the capabilities and refuses snapshots', async () => {
  await start({ snapVxLicensed: false });
  const { symmetrixCapability } = await site.get('/univmax/restapi/100/replication/capabilities/symmetrix');
  expect(symmetrixCapability).toEqual([expect.objectContaining({ symmetrixId: ARRAY, snapVxCapable: false })]);
  await site.refused(
    'POST',
    site.privateReplication('/snapshot/no'),
    { deviceNameListSource: [{ name: '00001' }] },
    500,
  );
});
