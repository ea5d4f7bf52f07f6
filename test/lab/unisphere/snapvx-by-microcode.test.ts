import { ARRAY, at, type Json, TestSite } from './test-site.ts';

let site: TestSite;
const start = async (options?: Parameters<typeof TestSite.start>[0]) => {
  site = await TestSite.start(options);
};
afterEach(() => site.stop());

const devices = (...ids: string[]) => ids.map((name) => ({ name }));
const snapshot = (name: string) => site.privateReplication(`/snapshot/${name}`);
const create = (name: string, ...ids: string[]) =>
  site.call('POST', snapshot(name), { deviceNameListSource: devices(...ids) });
const pairs = (action: string, sources: string[], targets: string[], more: Json = {}) => ({
  action,
  deviceNameListSource: devices(...sources),
  deviceNameListTarget: devices(...targets),
  ...more,
});
const sessions = (id: string) => site.get(site.privateReplication(`/volume/${id}/snapshot`));

test('the number of snapshots of a source is limited', async () => {
  await start({ store: { maxSnapshotsPerSource: 2 } });
  await create('a', '00001');
  await create('b', '00001');
  const body = { deviceNameListSource: devices('00001', '00002') };
  expect(await site.refused('POST', snapshot('c'), body, 500)).toMatch(
    /maximum number of sessions has been exceeded for the specified Source device/,
  );
  expect(site.store.snapshots('00002')).toEqual([]);
});

test.each([
  ['5978.479.479', '9.2', false],
  ['5977.1131.1131', '9.2', false],
  ['5978.711.711', '10.3', true],
] as const)(
  'a 257th snapshot of a source behind microcode %s and Unisphere %s: %s',
  async (microcode, version, may) => {
    await start({ microcode, version });
    for (let n = 0; n < 256; n++) site.store.establish({ name: 'many', devices: ['00001'] });
    const body = { deviceNameListSource: devices('00002', '00001') };
    const answer = await site.send({ method: 'POST', path: snapshot('more'), body });
    expect(answer.status).toBe(may ? 201 : 500);
    expect(site.store.snapshots('00002')).toHaveLength(may ? 1 : 0);
    if (!may) expect(answer.text).toMatch(/maximum number of sessions has been exceeded/);
  },
);

test('a time to live has a limit and is never shown as nothing', async () => {
  await start();
  const body = (more: Json) => ({ deviceNameListSource: devices('00001'), ...more });
  const tooLong: Json[] = [{ timeToLive: 1e12 }, { timeToLive: 401 }, { timeToLive: 9601, timeInHours: true }];
  for (const more of [...tooLong, { securettl: 401 }, { ttl: '1e300' }])
    await site.refused('POST', snapshot('long'), body(more), 400);
  await site.call('POST', snapshot('long'), body({ timeToLive: 400 }));
  expect(at(await sessions('00001'), 'snapshotSrcs.0.ttl')).toBe(9600);
});

test('a V4 array shows no generation and takes none', async () => {
  await start({ microcode: '6079.225.0' });
  await create('one', '00001');
  await create('one', '00001');
  const [newest, oldest] = site.store.snapshots('00001').map(({ snapId }) => snapId);
  const link = (more: Json) => pairs('Link', ['00001'], ['00011'], more);
  for (const generation of [0, '0', 1])
    expect(await site.refused('PUT', snapshot('one'), link({ generation }), 400)).toMatch(/use the snapshot id/);
  await site.refused('DELETE', snapshot('one'), { deviceNameListSource: devices('00001'), generation: 0 }, 400);
  for (const path of ['/generation', '/generation/0'])
    await site.refused('GET', site.privateReplication(`/volume/00001/snapshot/one${path}`), undefined, 400);
  await site.call('PUT', snapshot('one'), link({ snap_id: oldest }));
  await site.call('PUT', snapshot('one'), pairs('Link', ['00001'], ['00012']));
  expect(['00011', '00012'].map((id) => site.store.linkOf(id)?.snapId)).toEqual([oldest, newest]);
  const shown = [
    await sessions('00001'),
    await sessions('00011'),
    await site.get(site.privateReplication('/volume/00001/snapshot/one')),
    await site.get(site.privateReplication('/volume?includeDetails=true')),
    await site.get(`/univmax/restapi/private/100/sloprovisioning/symmetrix/${ARRAY}/volume`),
  ];
  expect(shown.map((body) => /"generation"/.test(JSON.stringify(body)))).toEqual(shown.map(() => false));
  expect(at(shown[0], 'snapshotSrcs.0.snap_id')).toBe(newest);
});

test('an array without snap ids shows none and takes generations only', async () => {
  await start({ microcode: '5978.479.479', version: '9.2' });
  await create('one', '00001');
  expect(at(await sessions('00001'), 'snapshotSrcs.0.snap_id')).toBeUndefined();
  await site.refused('PUT', snapshot('one'), pairs('Link', ['00001'], ['00011'], { snap_id: 1 }), 400);
  await site.call('PUT', snapshot('one'), pairs('Link', ['00001'], ['00011'], { generation: '0' }));
});
