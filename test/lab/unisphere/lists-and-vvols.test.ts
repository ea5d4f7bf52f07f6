import { ARRAY, at, CONFIG, DEVICES, fixture, type Json, TestSite, VVOL_WWN } from './test-site.ts';

let site: TestSite;
beforeEach(async () => {
  site = await TestSite.start();
});
afterEach(() => site.stop());

const list = (kind: string, query = '') => site.get(site.v1(`${ARRAY}/${kind}${query}`));
const filter = (text: string) => `filter=${encodeURIComponent(text)}`;

test('an enhanced list shows ids unless more is selected', async () => {
  const body = await list('volumes');
  expect(at(body, 'volumes.0')).toEqual({ id: '00001' });
  expect(body.paging).toEqual({ total_instances: DEVICES.length, remaining_instances: 0 });
  expect(at(await list('volumes', '?select='), 'volumes.0')).toEqual({ id: '00001' });
});

test('one call returns device, identity, masking and snapshots of many volumes', async () => {
  await site.call('POST', site.privateReplication('/snapshot/one'), { deviceNameListSource: [{ name: '00001' }] });
  const select =
    'id,wwn,effective_wwn,cap_cyl,identifier,storage_groups.id,masking_views.id,masking_views.host.id,snapshots.name,snapshots.id';
  const body = await list('volumes', `?select=${select}&${filter('id eq 00001')}`);
  expect(body.volumes).toEqual([
    {
      id: '00001',
      wwn: '60000970000197900046533030303031',
      effective_wwn: '60000970000197900046533030303031',
      cap_cyl: 4,
      identifier: 'db-data',
      storage_groups: [{ id: 'prod' }],
      masking_views: [{ id: 'mv-esx' }],
      snapshots: [{ name: 'one', id: site.store.snapshots('00001')[0]?.snapId }],
    },
  ]);
});

test('a masking view tells its host, one of a host group tells none', async () => {
  const select = 'select=masking_views.id,masking_views.host.id,masking_views.storage_group.id,num_of_masking_views';
  const rows = async (id: string) => at(await list('volumes', `?${select}&${filter(`id eq ${id}`)}`), 'volumes.0');
  expect(await rows('00001')).toMatchObject({
    masking_views: [{ id: 'mv-esx', storage_group: { id: 'prod' } }],
    num_of_masking_views: 1,
  });
  expect(await rows('00011')).toMatchObject({ masking_views: [{ id: 'mv-proxy', host: { id: 'proxy1' } }] });
  expect(at(await rows('00001'), 'masking_views.0')).not.toHaveProperty('host');
});

test('a nested attribute without second level shows ids, and the published example is covered', async () => {
  const { volumes, ...rest } = fixture('volumes-v1-10.3');
  expect(rest).toEqual({});
  const keys = Object.keys(at({ volumes }, 'volumes.0') as Json);
  const body = await list('volumes', `?select=${keys.join(',')}`);
  expect(Object.keys(at(body, 'volumes.0') as Json).sort()).toEqual(
    [...keys, 'identifier'].filter((key) => keys.includes(key)).sort(),
  );
  expect(at(body, 'volumes.0.storage_groups')).toEqual([{ id: 'prod' }]);

  const groups = Object.keys(at(fixture('storage-groups-v1-10.3'), 'storage_groups.0') as Json).filter(
    (key) => !/time|non_gk/.test(key),
  );
  expect(await list('storage-groups', `?select=${groups.join(',')}&${filter('id eq prod')}`)).toMatchObject({
    storage_groups: [{ id: 'prod', num_of_volumes: 2, service_level: { id: 'Diamond' }, srp: { id: 'SRP_1' } }],
  });
});

test.each([
  ['cap_cyl ge 8', ['00022', '00031']],
  ['cap_cyl GT 4,cap_cyl lt 9', ['00031']],
  ['identifier ilike DB-', ['00001']],
  ['identifier like DB-', []],
  ['storage_groups.id eq pool', ['00011', '00012']],
  ['num_of_masking_views eq 0', ['00003', '00013', '00021', '00022', '00031']],
  ['effective_wwn eq 60000970000197900099533030303032', ['00002']],
  ['wwn eq 600009700BCBB71139FF017800000600', ['00031']],
  ['wwn eq 600009700bcbb71139ff017800000600', []],
  ['effective_wwn eq 600009700bcbb71139ff017800000600', []],
  ['nguid eq 00465330303030310000976000019790', ['00001']],
  ['has_effective_wwn eq true', ['00002']],
  ['masking_views.host.id eq proxy1', ['00011', '00012']],
])('the filter "%s" selects %j', async (text, ids) => {
  const body = await list('volumes', `?${filter(text)}`);
  expect((body.volumes as Json[]).map(({ id }) => id)).toEqual(ids);
});

const INHERITED = ['constructor', '__proto__', 'toString', 'hasOwnProperty'];

test.each(INHERITED)('the name %s that every object inherits is as unknown as any other', async (name) => {
  const status = async (path: string) => (await site.send({ path })).status;
  for (const query of [`select=${name}`, filter(`${name} eq x`), `order=${name}`])
    expect([query, await status(site.v1(`${ARRAY}/volumes?${query}`))]).toEqual([query, 400]);
  await site.call('POST', site.privateReplication('/snapshot/one'), { deviceNameListSource: [{ name: '00001' }] });
  const nested = await list('volumes', `?select=snapshots.${name}&${filter('id eq 00001')}`);
  expect(nested.volumes).toEqual([{ id: '00001', snapshots: [{}] }]);
  expect((await list('volumes', `?${filter(`snapshots.${name} like function`)}`)).volumes).toEqual([]);
  for (const kind of ['volume', 'storagegroup', 'host', 'initiator', 'portgroup', 'maskingview'])
    expect([kind, await status(site.sloprovisioning(`/${kind}?${name}=1`))]).toEqual([kind, 200]);
});

test('an array can refuse filters on attributes of nested objects', async () => {
  await site.stop();
  site = await TestSite.start({ knobs: { nestedFilters: 'refused' } });
  for (const nested of ['snapshots.name eq x', 'storage_groups.id eq pool', 'cap_cyl eq 4,snapshots.name eq x'])
    expect((await site.send({ path: site.v1(`${ARRAY}/volumes?${filter(nested)}`) })).status).toBe(400);
  expect((await list('volumes', `?select=snapshots.name&${filter('id eq 00001')}`)).volumes).toHaveLength(1);
});

describe('vVols in volume lists', () => {
  const classic = async (query = '') =>
    (at(await site.get(site.sloprovisioning(`/volume${query}`)), 'resultList.result') as { volumeId: string }[]).some(
      ({ volumeId }) => volumeId === '00031',
    );
  const enhanced = async (query = '') =>
    ((await list('volumes', query)).volumes as Json[]).some(({ id }) => id === '00031');
  const withKnob = async (vvolsInVolumeLists: boolean) => {
    await site.stop();
    site = await TestSite.start({ knobs: { vvolsInVolumeLists } });
  };

  test('are in the enhanced list, and in the classic one only when asked for', async () => {
    expect([await enhanced(), await classic(), await classic(`?wwn=${VVOL_WWN}`)]).toEqual([true, false, false]);
    for (const query of ['?virtual_volumes=true', `?virtual_volumes=True&wwn=${VVOL_WWN}`, '?volumeId=00031'])
      expect([query, await classic(query)]).toEqual([query, true]);
  });

  test('are in none where the array hides them, unless asked for', async () => {
    await withKnob(false);
    expect([await enhanced(), await enhanced(`?${filter(`wwn eq ${VVOL_WWN}`)}`)]).toEqual([false, false]);
    expect([await enhanced(`?${filter('id eq 00031')}`), await classic('?virtual_volumes=true')]).toEqual([true, true]);
    expect(await site.get(site.sloprovisioning('/volume/00031'))).toMatchObject({ wwn: VVOL_WWN });
  });

  test('are in both where the array shows them', async () => {
    await withKnob(true);
    expect([await enhanced(), await classic(), await classic('?virtual_volumes=false')]).toEqual([true, true, false]);
  });
});

test('paging goes on with a token until nothing remains, and keeps the order', async () => {
  const ids: unknown[] = [];
  let query = '?order=cap_cyl%20desc,id&limit=4';
  for (;;) {
    const body = await list('volumes', query);
    ids.push(...(body.volumes as Json[]).map(({ id }) => id));
    if (at(body, 'paging.remaining_instances') === 0) break;
    query = `?order=cap_cyl%20desc,id&limit=4&resume_token=${String(at(body, 'paging.resume_token'))}`;
  }
  expect(ids.slice(0, 2)).toEqual(['00022', '00031']);
  expect(new Set(ids).size).toBe(DEVICES.length);
  expect((await site.send({ path: site.v1(`${ARRAY}/volumes?resume_token=old`) })).status).toBe(400);
});

test('a limit in KB cuts the page by size', async () => {
  const body = await list('volumes', '?limit_kb=1&select=id,wwn,effective_wwn,nguid,status,emulation,type,ssid');
  const shown = (body.volumes as Json[]).length;
  expect(shown).toBeGreaterThan(0);
  expect(at(body, 'paging.remaining_instances')).toBe(DEVICES.length - shown);
});

test('unknown attributes, operators and arrays are refused', async () => {
  for (const query of ['?select=colour', `?${filter('id is 00001')}`, `?${filter('colour eq red')}`, '?order=colour'])
    expect([query, (await site.send({ path: site.v1(`${ARRAY}/volumes${query}`) })).status]).toEqual([query, 400]);
  expect((await site.send({ path: site.v1('000000000001/volumes') })).status).toBe(404);
});

test.each(['volumes', 'storage-groups', 'masking-views', 'hosts', 'initiators', 'port-groups'])(
  'all attributes in the metadata of %s can be selected',
  async (kind) => {
    const answer = await site.send({ path: site.v1(`${kind}/metadata`) });
    const names = (JSON.parse(answer.text) as { name: string }[]).map(({ name }) => name);
    const body = await list(kind, `?select=${names.join(',')}`);
    const rows = body[kind.replace('-', '_')] as Json[];
    expect(rows.length).toBeGreaterThan(0);
    expect(rows[0]).toHaveProperty('system', { id: ARRAY });
  },
);

test('vVol containers, resources, volumes, endpoints and providers have the published keys', async () => {
  const same = (body: Json, name: string) => {
    const sample = fixture(name);
    expect(Object.keys(body).sort()).toEqual(Object.keys(sample).sort());
  };
  const resource = '/storagecontainer/SC1/storageresource/SC1_res';
  same(await site.get(site.vvol('/storagecontainer/SC1')), 'vvol-storagecontainer-get');
  same(await site.get(site.vvol(resource)), 'vvol-storageresource-get');
  same(await site.get(site.vvol(`${resource}/volume/00031`)), 'vvol-volume-get');
  same(await site.get(site.vvol('/protocolendpoint/00030')), 'vvol-protocolendpoint-get');
  same(await site.get(site.vvol('/vasaprovider')), 'vvol-vasaprovider');
  expect(await site.get(site.vvol('/storagecontainer?uuid=600009700BCBB71139FF01780000050A'))).toEqual({
    storageContainerId: ['SC1'],
  });
  expect(await site.get(site.vvol(`${resource}/volume?wwn=${VVOL_WWN}`))).toEqual({ volumeId: ['00031'] });
  expect(await site.get(site.vvol(`${resource}/volume?wwn=${'0'.repeat(32)}`))).toEqual({ volumeId: [] });
  expect(await site.get(site.vvol(''))).toMatchObject({ symmetrixId: ARRAY, device_count: DEVICES.length });
  expect((await site.send({ path: site.vvol('/protocolendpoint/00001') })).status).toBe(404);
});

test('a vVol cannot be put into a storage group or deleted by an admin', async () => {
  const body = {
    editStorageGroupActionParam: { expandStorageGroupParam: { addSpecificVolumeParam: { volumeId: ['00031'] } } },
  };
  await site.refused('PUT', site.sloprovisioning('/storagegroup/pool'), body, 500);
  await site.refused('DELETE', site.sloprovisioning('/volume/00031'), undefined, 500);
});

test('whoever plays the VASA provider can bind and unbind vVols', async () => {
  const wwn = '600009700bcbb71139ff017800000601';
  site.array.bindVvol({ device: '00003', container: 'SC1', resource: 'SC1_res', wwn });
  expect(await site.get(site.sloprovisioning('/volume/00003'))).toMatchObject({ wwn: wwn.toUpperCase() });
  site.array.unbindVvol('00003');
  expect((await site.get(site.sloprovisioning('/volume/00003'))).wwn).toBe('60000970000197900046533030303033');
  expect(CONFIG.storageContainers).toHaveLength(1);
});
