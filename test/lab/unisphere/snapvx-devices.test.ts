import { ARRAY, at, fixture, type Json, TestSite, until } from './test-site.ts';

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
const write = (id: string, text: string) => site.store.open(id).write(0, Buffer.from(text));
const read = (id: string) => site.store.open(id).read(0, 6).toString();
const snapIdOf = (id: string) => site.store.snapshots(id)[0]?.snapId;

test('one create over several devices is one instant with one snap id', async () => {
  await start({ knobs: { establishMs: 2000, afterEstablishMs: 1000 }, pace: 0.01 });
  const answer = await site.send({
    method: 'POST',
    path: snapshot('one'),
    body: fixture('private-snapshot-create-request'),
  });

  expect(answer).toMatchObject({ status: 201, text: '' });
  const ids = ['00001', '00002', '00003'].map(snapIdOf);
  expect(new Set(ids).size).toBe(1);
  const effects = site.events.events.filter(({ kind, operation }) => kind === 'effect' && operation === 'establish');
  expect(effects).toHaveLength(1);
  const [request] = site.events.events.filter(({ kind }) => kind === 'request');
  expect((effects[0]?.atMs ?? 0) - (request?.atMs ?? 0)).toBeGreaterThanOrEqual(19);
});

test('a create names all its devices or has no effect', async () => {
  await start();
  const body = { deviceNameListSource: devices('00001', '0FFFF') };
  expect(await site.refused('POST', snapshot('one'), body, 404)).toMatch(/cannot be found/);
  expect(site.store.snapshots('00001')).toEqual([]);
  await site.refused('POST', snapshot('one'), {}, 400);
  await site.refused('POST', snapshot('bad%20name'), { deviceNameListSource: devices('00001') }, 400);
  await site.refused('POST', snapshot('x'.repeat(33)), { deviceNameListSource: devices('00001') }, 400);
});

test('the same name again adds a generation 0 and renumbers the others; the snap id stays', async () => {
  await start();
  await create('daily', '00001');
  const first = snapIdOf('00001');
  await create('daily', '00001');
  const rows = (await sessions('00001')).snapshotSrcs as Json[];
  expect(rows.map(({ snapshotName, generation }) => [snapshotName, generation])).toEqual([
    ['daily', 0],
    ['daily', 1],
  ]);
  expect(rows.map((row) => row.snap_id)).toEqual([snapIdOf('00001'), first]);
  expect(await site.get(site.privateReplication('/volume/00001/snapshot/daily/generation'))).toMatchObject({
    deviceName: '00001',
    snapshotName: 'daily',
    generation: [0, 1],
  });
  const one = await site.get(site.privateReplication('/volume/00001/snapshot/daily/generation/1'));
  expect(one).toMatchObject({ generation: 1, snapshotSrc: { snap_id: first, generation: 1 } });
  const named = await site.get(site.privateReplication('/volume/00001/snapshot/daily'));
  expect(named).toMatchObject({ snapshotSrc: [{ generation: 0 }, { generation: 1 }], snapshotLnk: [] });
});

test('the sessions of a source and of a target have the published keys', async () => {
  await start();
  await create('one', '00001');
  await site.call('PUT', snapshot('one'), pairs('Link', ['00001'], ['00011'], { copy: true }));
  const source = await sessions('00001');
  const sample = fixture('private-volume-snapshot-get');
  expect(Object.keys(at(source, 'snapshotSrcs.0') as Json)).toEqual(
    expect.arrayContaining(Object.keys(at(sample, 'snapshotSrcs.0') as Json)),
  );
  expect(Object.keys(at(source, 'snapshotSrcs.0.linkedDevices.0') as Json)).toEqual(
    expect.arrayContaining(Object.keys(at(sample, 'snapshotSrcs.0.linkedDevices.0') as Json)),
  );
  expect(source.snapshotLnks).toEqual([]);

  const target = await sessions('00011');
  expect(target).toMatchObject({
    deviceName: '00011',
    snapshotSrcs: [],
    snapshotLnks: [{ linkSourceName: '00001', snapshot_name: 'one', generation: 0, copy: true, trackSize: 131072 }],
  });
  expect(at(target, 'snapshotLnks.0.snap_id')).toBeUndefined();
  const free = await sessions('00003');
  expect(free).toEqual({ deviceName: '00003', snapshotSrcs: [], snapshotLnks: [] });
});

test('the private volume tells a target which snapshot it shows', async () => {
  await start();
  await create('one', '00001');
  await site.call('PUT', snapshot('one'), pairs('Link', ['00001'], ['00011']));
  const { wwn } = await site.get(site.sloprovisioning('/volume/00011'));
  const body = await site.get(
    `/univmax/restapi/private/100/sloprovisioning/symmetrix/${ARRAY}/volume?wwn=${String(wwn)}`,
  );
  expect(at(body, 'resultList.result.0.timeFinderInfo')).toMatchObject({
    snapVXTgt: true,
    snapVXSrc: false,
    snapVXSession: [
      {
        tgtSrcSnapshotGenInfo: {
          snapshotName: 'one',
          sourceDevice: '00001',
          targetDevice: '00011',
          snapid: snapIdOf('00001'),
        },
      },
    ],
  });
});

test('older releases hide the name on the target side and refuse a device without sessions', async () => {
  await start({ version: '9.2' });
  await create('one', '00001');
  await site.call('PUT', snapshot('one'), pairs('Link', ['00001'], ['00011'], { generation: '0' }));
  const row = at(await sessions('00011'), 'snapshotLnks.0') as Json;
  expect([row.linkSourceName, row.snapshot_name, row.generation]).toEqual(['00001', undefined, undefined]);
  expect(await site.refused('GET', site.privateReplication('/volume/00003/snapshot'), undefined, 404)).toBe(
    'Volume is neither a source nor target',
  );
});

test('a snapshot that is gone is not found for the device', async () => {
  await start();
  expect(await site.refused('GET', site.privateReplication('/volume/00001/snapshot/gone'), undefined, 404)).toBe(
    'Snapshot gone not found for 00001',
  );
});

test('rename keeps the snap id', async () => {
  await start();
  await create('one', '00001');
  const id = snapIdOf('00001');
  await site.call('PUT', snapshot('one'), pairs('Rename', ['00001'], ['00001'], { newsnapshotname: 'two' }));
  expect(site.store.snapshots('00001').map(({ name, snapId }) => [name, snapId])).toEqual([['two', id]]);
});

test('restore brings the point in time back; ending the restore keeps the snapshot', async () => {
  await start();
  write('00001', 'before');
  await create('one', '00001');
  write('00001', 'after!');
  await site.call('PUT', snapshot('one'), pairs('Restore', ['00001'], ['00001']));
  expect(read('00001')).toBe('before');
  expect(at(await sessions('00001'), 'snapshotSrcs.0')).toMatchObject({
    state: 'Restored',
    isRestored: true,
    linkedDevices: [{ targetDevice: '00001', state: 'Restored' }],
  });
  const body = { deviceNameListSource: devices('00001') };
  await site.call('DELETE', snapshot('one'), { ...body, restore: true }, 204);
  expect(at(await sessions('00001'), 'snapshotSrcs.0')).toMatchObject({ state: 'Established', isRestored: false });
  await site.call('PUT', snapshot('one'), pairs('Restore', ['00001'], ['00001']));
  await site.call('DELETE', snapshot('one'), body, 204);
  expect(site.store.snapshots('00001')).toHaveLength(1);
  await site.call('DELETE', snapshot('one'), body, 204);
  expect(site.store.snapshots('00001')).toEqual([]);
});

test('terminate takes a JSON body, is refused while linked, and then removes exactly the devices named', async () => {
  await start();
  await create('one', '00001', '00003');
  await site.call('PUT', snapshot('one'), pairs('Link', ['00003'], ['00013']));
  const body = { ...fixture('private-snapshot-terminate-request-cinder'), snap_id: snapIdOf('00003') };
  expect(await site.refused('DELETE', snapshot('one'), body, 400)).toBe('snapshot has a link');
  await site.call('PUT', snapshot('one'), pairs('Unlink', ['00003'], ['00013'], { symforce: true }));
  await site.call('DELETE', snapshot('one'), body, 204);
  expect([site.store.snapshots('00003').length, site.store.snapshots('00001').length]).toEqual([0, 1]);
  expect(await site.refused('DELETE', snapshot('one'), body, 404)).toBe('Snapshot one not found for 00003');
});

test('a time to live in hours ends the snapshot, but not while it is linked', async () => {
  await start({ pace: 1e-5 });
  const body = { ...fixture('private-snapshot-create-request'), timeToLive: '2', timeInHours: 'true' };
  await site.call('POST', snapshot('short'), body);
  await site.call('PUT', snapshot('short'), pairs('Link', ['00001'], ['00011']));
  const expired = await until(
    () => sessions('00001'),
    (now) => at(now, 'snapshotSrcs.0.expired') === true,
  );
  expect(at(expired, 'snapshotSrcs.0')).toMatchObject({ ttl: 2, snapshotName: 'short' });
  expect(site.store.snapshots('00002')).toEqual([]);
  await site.call('PUT', snapshot('short'), pairs('Unlink', ['00001'], ['00011'], { symforce: true }));
  await until(
    () => sessions('00001'),
    (now) => (now.snapshotSrcs as Json[]).length === 0,
  );
});

test('a create as a job: the effect comes with the job, and its link tells the snapshot', async () => {
  await start();
  const body = { ...fixture('private-snapshot-create-request'), executionOption: 'ASYNCHRONOUS' };
  const job = await site.call('POST', snapshot('later'), body, 202);
  const done = await until(
    () => site.get(site.system(`/job/${String(job.jobId)}`)),
    ({ status }) => status === 'SUCCEEDED',
  );
  expect(done.links).toEqual([{ key: 'SNAPSHOT_CREATED', uri: [expect.stringContaining(String(snapIdOf('00001')))] }]);
});

test('every device with snapshots is listed, by name and with details', async () => {
  await start();
  await create('one', '00001', '00003');
  await create('two', '00002');
  await site.call('PUT', snapshot('one'), pairs('Link', ['00001'], ['00011']));
  const list = (query: string) => site.get(site.privateReplication(`/volume?${query}`));
  expect(await list('')).toEqual({ name: ['00001', '00002', '00003'] });
  expect((await list('snapshotName=one&inSG=false')).name).toEqual(['00003']);
  const details = await list('includeDetails=true&snapshotName=one');
  expect(at(details, 'device.0')).toEqual({
    symmetrixId: ARRAY,
    name: '00001',
    snapshot: [
      {
        name: '00001-SRC-one-0',
        generation: 0,
        linked: true,
        restored: false,
        timestamp: expect.stringMatching(/^\d\d:\d\d:\d\d \w{3}, \d\d \w{3} \d{4} GMT \+0000$/),
        state: 'Established',
      },
    ],
    rdfgNumbers: [],
  });
});

test('whether users may snap vVol devices is a switch', async () => {
  await start();
  expect(await site.refused('POST', snapshot('v'), { deviceNameListSource: devices('00001', '00031') }, 500)).toMatch(
    /virtual volume/,
  );
  expect(site.store.snapshots('00001')).toEqual([]);
  await site.stop();
  await start({ knobs: { vvolSnapVx: 'accepted' } });
  await create('v', '00001', '00031');
  expect(site.store.snapshots('00031')).toHaveLength(1);
});

test('the calls of the Cinder driver in their order: string booleans, generation "0", DELETE with a body', async () => {
  await start({ version: '9.2', store: { defineMs: 0, defineTracksPerSecond: 1e9 } });
  await site.call('POST', snapshot('OS-1'), fixture('private-snapshot-create-request-cinder'));
  await site.call('PUT', snapshot('OS-1'), fixture('private-snapshot-link-request-cinder'));
  const row = at(await sessions('00001'), 'snapshotSrcs.0') as Json;
  expect(at(row, 'linkedDevices.0')).toMatchObject({
    targetDevice: '00011',
    state: 'Linked',
    linked: true,
    copy: false,
  });
  const moved = (name: string): Json => ({
    ...fixture(name),
    deviceNameListSource: devices('00001'),
    snap_id: String(row.snap_id),
  });
  const unlink = { ...moved('private-snapshot-unlink-request-cinder'), deviceNameListTarget: devices('00011') };
  await site.call('PUT', snapshot('OS-1'), unlink);
  await site.call('DELETE', snapshot('OS-1'), moved('private-snapshot-terminate-request-cinder'), 204);
  expect([site.store.snapshots('00001'), site.store.linkOf('00011')]).toEqual([[], undefined]);
});
