import { at, fixture, type Json, TestSite, until } from './test-site.ts';

let site: TestSite;
const start = async (options?: Parameters<typeof TestSite.start>[0]) => {
  site = await TestSite.start(options);
};
afterEach(() => site.stop());

const prod = (path = '') => site.replication(`/storagegroup/prod${path}`);
const create = (body: Json = { snapshotName: 'Daily' }) => site.call('POST', prod('/snapshot'), body);
const snapId = (age = 0) => String(site.store.snapshots('00001')[age]?.snapId);
const sameKeys = (body: Json, sample: Json, except: readonly string[] = []) => {
  for (const [key, value] of Object.entries(sample))
    if (!except.includes(key)) expect([key, typeof body[key]]).toEqual([key, typeof value]);
};
const withName = (name: string, group: string): Json =>
  JSON.parse(JSON.stringify(fixture(name)).replace('SG1_TGT', group)) as Json;

test('10.x answers a create in the shape of the snap id resource', async () => {
  await start();
  const body = await create(fixture('sg-snapshot-create-request'));
  sameKeys(body, fixture('sg-snapshot-snapid-details'));
  expect(body).toMatchObject({
    name: 'REST_SG_snapshot',
    snapid: Number(snapId()),
    num_source_volumes: 2,
    source_volume: [
      { name: '00001', capacity: 4, capacity_gb: 0.0073242188 },
      { name: '00002', capacity: 4 },
    ],
    linked: false,
  });
  expect(body.time_to_live_expiry_date).toMatch(/GMT \+0000$/);
});

test('9.2 answers it in the shape of the generation resource', async () => {
  await start({ version: '9.2' });
  sameKeys(await create(), fixture('sg-snapshot-create-201'));
});

test('names, generations, snap ids and mapping agree', async () => {
  await start();
  await create();
  await create();
  expect(await site.get(prod('/snapshot'))).toEqual({
    name: ['Daily'],
    snapshot_names_and_counts: [{ name: 'Daily', snapshot_count: 2, newest_timestamp_utc: expect.any(Number) }],
  });
  expect(await site.get(prod('/snapshot/Daily'))).toEqual({ name: 'Daily', generationCount: 2 });
  expect(await site.get(prod('/snapshot/Daily/generation'))).toEqual({ generations: [0, 1] });
  expect(await site.get(prod('/snapshot/Daily/snapid'))).toEqual({ snapids: [Number(snapId()), Number(snapId(1))] });
  const mapping = await site.get(prod('/snapshot/Daily/mapping'));
  sameKeys(mapping, fixture('sg-snapshot-mapping'));
  expect(mapping.mappings).toMatchObject([
    { generation: 0, snapid: Number(snapId()) },
    { generation: 1, snapid: Number(snapId(1)) },
  ]);
  const old = await site.get(prod('/snapshot/Daily/generation/1'));
  sameKeys(old, fixture('sg-snapshot-create-201'));
  expect(old.snap_id).toBe(Number(snapId(1)));
  expect((await site.send({ path: prod('/snapshot/Daily/generation/2') })).status).toBe(404);
});

test('a group without snapshots: an empty list, before 10.0 a refusal', async () => {
  await start();
  expect((await site.get(prod('/snapshot'))).name).toEqual([]);
  await site.stop();
  await start({ version: '9.2' });
  expect(await site.refused('GET', prod('/snapshot'), undefined, 404)).toBe('No snapshot named found');
});

test('V4 arrays know snap ids only', async () => {
  await start({ microcode: '6079.225.0' });
  const body = await create();
  expect('generation' in body).toBe(false);
  await site.refused('GET', prod('/snapshot/Daily/generation'), undefined, 400);
  await site.refused('GET', prod('/snapshot/Daily/generation/0'), undefined, 400);
  await site.refused('DELETE', prod('/snapshot/Daily/generation/0'), undefined, 400);
  const path = prod(`/snapshot/Daily/snapid/${snapId()}`);
  await site.get(path);
  expect(await site.call('PUT', path, fixture('sg-snapshot-link-request'))).not.toHaveProperty('generation');
});

test('an action that every object inherits is as unknown as any other', async () => {
  await start();
  await create();
  const path = prod(`/snapshot/Daily/snapid/${snapId()}`);
  await site.refused('PUT', path, { action: 'constructor' }, 400);
});

test('link to a group that does not exist makes it, with a volume for each source', async () => {
  await start();
  site.store.open('00002').write(0, Buffer.from('second'));
  await create();
  const path = prod(`/snapshot/Daily/snapid/${snapId()}`);
  const answer = await site.call('PUT', path, fixture('sg-snapshot-link-request'));
  sameKeys(answer, fixture('sg-snapshot-create-201'));
  expect(answer).toMatchObject({ isLinked: true });
  const details = await site.get(path);
  expect(details).toMatchObject({
    linked: true,
    linked_storage_group_names: ['SG1_TGT'],
    linked_storage_group: [
      { name: 'SG1_TGT', source_volume_name: '00001' },
      { name: 'SG1_TGT', source_volume_name: '00002' },
    ],
  });
  const target = String(at(details, 'linked_storage_group.1.linked_volume_name'));
  expect(site.store.open(target).read(0, 6).toString()).toBe('second');
  expect(await site.get(site.replication('/storagegroup?is_link_target=true'))).toEqual({ name: ['SG1_TGT'] });
});

test('link, relink, unlink and terminate over an existing group', async () => {
  await start({ store: { defineMs: 0, defineTracksPerSecond: 1e9 } });
  await create();
  await create();
  const path = (age: number) => prod(`/snapshot/Daily/snapid/${snapId(age)}`);
  await site.call('PUT', path(1), withName('sg-snapshot-link-request', 'pool'));
  expect(['00011', '00012'].map((id) => site.store.linkOf(id)?.source)).toEqual(['00001', '00002']);
  expect(await site.refused('DELETE', path(1), undefined, 400)).toBe('snapshot has a link');
  await site.call('PUT', path(0), withName('sg-snapshot-relink-request', 'pool'));
  expect(String(site.store.linkOf('00011')?.snapId)).toBe(snapId(0));
  expect(await site.refused('PUT', path(1), withName('sg-snapshot-unlink-request', 'pool'), 404)).toMatch(
    /No link target was found/,
  );
  expect(await site.refused('PUT', path(1), withName('sg-snapshot-link-request', 'pool'), 500)).toBe(
    'A problem occurred modifying the snapshot generation resource: The Target device cannot be manipulated because it is already a Copy session Target device',
  );
  await site.call('PUT', path(0), withName('sg-snapshot-unlink-request', 'pool'));
  await site.call('DELETE', path(0), undefined, 204);
  await site.call('DELETE', path(0), undefined, 204);
  expect(site.store.snapshots('00002')).toEqual([]);
});

test('a linked target in no group: linked, and no group listed', async () => {
  await start();
  await create();
  site.store.link({
    name: 'Daily',
    select: { generation: 0 },
    pairs: [{ source: '00001', target: '00003' }],
    copy: false,
  });
  const body = await site.get(prod(`/snapshot/Daily/snapid/${snapId()}`));
  expect([body.linked, 'linked_storage_group' in body]).toEqual([true, false]);
});

test('the older spelling of the blocks works on the generation resource', async () => {
  await start({ version: '9.2' });
  await create();
  const path = prod('/snapshot/Daily/generation/0');
  await site.call('PUT', path, {
    action: 'Link',
    link: { linkStorageGroupName: 'pool', copy: 'False', exact: 'True' },
  });
  await site.call('PUT', path, { action: 'SetMode', setMode: { linkedStorageGroupName: 'pool', copy: 'True' } });
  expect(site.store.linkOf('00011')?.info.copy).toBe(true);
  await site.call('PUT', path, { action: 'Unlink', unlink: { unlinkStorageGroupName: 'pool', symforce: 'True' } });
  await site.call('PUT', path, { action: 'Rename', rename: { newSnapshotName: 'Weekly' } });
  expect(site.store.snapshots('00001')[0]?.name).toBe('Weekly');
});

test('rename, time to live, secure and restore answer with the snapshot as it is now', async () => {
  await start();
  await create();
  const path = prod(`/snapshot/Daily/snapid/${snapId()}`);
  expect(await site.call('PUT', path, fixture('sg-snapshot-rename-request'))).toMatchObject({ name: 'snaphook2' });
  const renamed = prod(`/snapshot/snaphook2/snapid/${snapId()}`);
  const limited = await site.call('PUT', renamed, fixture('sg-snapshot-set-ttl-request'));
  expect(limited.timeToLiveExpiryDate).toMatch(/GMT/);
  const restored = await site.call('PUT', renamed, fixture('sg-snapshot-restore-request'));
  expect(restored).toMatchObject({ isRestored: true, state: expect.arrayContaining(['Restored']) });
  await site.call('DELETE', renamed, undefined, 204);
  expect(await site.get(renamed)).toMatchObject({ restored: false });
  await site.call('PUT', renamed, { action: 'SetSecure', secure: { secure: 1 } });
  expect(await site.refused('DELETE', renamed, undefined, 500)).toMatch(/secure/);
});

test('terminate after the membership changed finds no snapshot, unless forced', async () => {
  await start();
  await create();
  await site.call('PUT', site.sloprovisioning('/storagegroup/prod'), {
    editStorageGroupActionParam: { expandStorageGroupParam: { addSpecificVolumeParam: { volumeId: ['00003'] } } },
  });
  const path = prod(`/snapshot/Daily/snapid/${snapId()}`);
  expect(await site.refused('DELETE', path, undefined, 500)).toBe(
    'A problem occurred deleting the snapshot generation resources: No snapshot was found',
  );
  await site.call('DELETE', `${path}?force=True`, undefined, 204);
  expect(site.store.snapshots('00001')).toEqual([]);
});

test.each([
  [{ snapshot_name: 'Daily', terminate_all_snapshots: 'true' }, 0],
  [{ snapshot_name: 'Daily', keep_count: '1' }, 1],
])('a bulk terminate by %j leaves %i', async (body, left) => {
  await start();
  for (let n = 0; n < 3; n++) await create();
  await site.call('DELETE', prod('/snapshot'), body, 204);
  expect(site.store.snapshots('00001')).toHaveLength(left);
});

test('a bulk terminate by snap id takes that one and older ones', async () => {
  await start();
  for (let n = 0; n < 3; n++) await create();
  await site.call('DELETE', prod(`/snapshot?snapshot_name=Daily&snapset_id_and_older=${snapId(1)}`), undefined, 204);
  expect(site.store.snapshots('00001')).toHaveLength(1);
});

test('the summary of a group has the published keys', async () => {
  await start();
  await create();
  const body = await site.get(prod());
  expect(Object.keys(body).sort()).toEqual(Object.keys(fixture('replication-storagegroup-get')).sort());
  expect(body).toMatchObject({
    numSnapVXSnapshots: 1,
    snapVXSnapshots: ['Daily'],
    numDevicesNonGk: 2,
    isLinkTarget: false,
  });
  expect(await site.get(site.replication('/storagegroup?hasSnapshots=true'))).toEqual({ name: ['prod'] });
});

test('a snapshot of the group as a job', async () => {
  await start();
  const job = await site.call('POST', prod('/snapshot'), { snapshotName: 'Job', executionOption: 'ASYNCHRONOUS' }, 202);
  await until(
    () => site.get(site.system(`/job/${String(job.jobId)}`)),
    ({ status }) => status === 'SUCCEEDED',
  );
  expect(site.store.snapshots('00002')[0]?.name).toBe('Job');
});
