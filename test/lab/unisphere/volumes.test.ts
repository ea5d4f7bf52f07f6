import { nguidOfWwn } from '../../../src/lab/unisphere/device-identity.ts';
import { ARRAY, at, DEVICES, finished, fixture, type Json, TestSite, VVOL_WWN } from './test-site.ts';

let site: TestSite;
beforeEach(async () => {
  site = await TestSite.start();
});
afterEach(() => site.stop());

const idsOf = (list: Json): string[] =>
  (at(list, 'resultList.result') as { volumeId: string }[]).map((row) => row.volumeId);
const list = async (query: string) => idsOf(await site.get(site.sloprovisioning(`/volume?${query}`)));

test('a volume tells its capacity, identity and groups as published', async () => {
  const volume = await site.get(site.sloprovisioning('/volume/00001'));
  const sample = fixture('volume-get-in-storage-groups');

  for (const key of Object.keys(sample)) expect([key, typeof volume[key]]).toEqual([key, typeof sample[key]]);
  expect(volume).toMatchObject({
    volumeId: '00001',
    wwn: '60000970000197900046533030303031',
    effective_wwn: '60000970000197900046533030303031',
    has_effective_wwn: false,
    nguid: '00465330303030310000976000019790',
    cap_cyl: 4,
    volume_identifier: 'db-data',
    storageGroupId: ['prod'],
    num_of_front_end_paths: 4,
    snapvx_source: false,
  });
});

test('keys without a value are left out, and an effective WWN differs from the WWN', async () => {
  const free = await site.get(site.sloprovisioning('/volume/00003'));
  expect(Object.keys(free)).not.toEqual(expect.arrayContaining(['volume_identifier']));
  expect('storageGroupId' in free).toBe(false);
  const moved = await site.get(site.sloprovisioning('/volume/00002'));
  expect(moved).toMatchObject({ has_effective_wwn: true, effective_wwn: '60000970000197900099533030303032' });
  expect(moved.wwn).toBe('60000970000197900046533030303032');
});

test('capacities, WWN and NVMe identity follow the published examples', async () => {
  site.store.createDevice({ id: '002E8', cylinders: 547 });
  site.store.createDevice({ id: '00465', cylinders: 1639 });
  const { volume_identifier, storageGroupId, num_of_storage_groups, num_of_front_end_paths, ...sample } =
    fixture('volume-get-in-storage-groups');
  expect(await site.get(site.sloprovisioning('/volume/002E8'))).toMatchObject(sample);
  expect(await site.get(site.sloprovisioning('/volume/00465'))).toMatchObject({ cap_gb: 3, cap_mb: 3073 });
  const other = fixture('volumes-v1-10.3');
  expect(nguidOfWwn(String(at(other, 'volumes.0.wwn')))).toBe(at(other, 'volumes.0.nguid'));
});

test.each([
  ['', DEVICES.map(([id]) => id).filter((id) => id !== '00031')],
  ['storageGroupId=PROD', ['00001', '00002']],
  ['wwn=60000970000197900046533030303031', ['00001']],
  ['effective_wwn=60000970000197900099533030303032', ['00002']],
  ['effective_wwn=60000970000197900046533030303032', []],
  ['wwn=60000970000197900046533030303031&wwn=60000970000197900046533030303032', ['00001', '00002']],
  ['volume_identifier=db-data', ['00001']],
  ['volume_identifier=%3Clike%3Edata', ['00001']],
  ['cap_cyl=%3E4', ['00022']],
  ['cap_cyl=%3E4&virtual_volumes=true', ['00031']],
  ['cap_cyl=%3E2&cap_cyl=%3C4', ['00030']],
  ['cap_cyl=9', ['00022']],
  ['virtual_volumes=true', ['00031']],
  [`virtual_volumes=true&wwn=${VVOL_WWN}`, ['00031']],
  ['num_of_masking_views=%3E0&virtual_volumes=False', ['00001', '00002', '00011', '00012', '00030']],
  ['has_effective_wwn=true', ['00002']],
  ['gatekeeper=true', ['00021', '00030']],
  ['available_thin_volumes=true&cap_cyl=4', ['00003', '00013']],
  ['nguid=00465330303030310000976000019790', ['00001']],
  [`virtual_volumes=true&wwn=${VVOL_WWN.toLowerCase()}`, []],
  [`virtual_volumes=true&effective_wwn=${VVOL_WWN.toLowerCase()}`, []],
  [`virtual_volumes=true&wwn=%3Clike%3E${VVOL_WWN.slice(0, 20)}`, ['00031']],
  [`virtual_volumes=true&wwn=%3Clike%3E${VVOL_WWN.slice(0, 20).toLowerCase()}`, []],
])('the list filter %s selects %j', async (query, expected) => {
  expect(await list(query)).toEqual(expected);
});

test('a filter nobody knows is ignored and logged as not served', async () => {
  expect(await list('colour=blue&cap_cyl=9')).toEqual(['00022']);
  expect(site.events.events.some(({ kind, object }) => kind === 'unserved' && object === 'colour')).toBe(true);
});

test('a long list is paged by an iterator that can be deleted', async () => {
  for (let n = 0x100; n < 0x100 + 995; n++)
    site.store.createDevice({ id: n.toString(16).toUpperCase().padStart(5, '0'), cylinders: 1 });
  const first = await site.get(site.sloprovisioning('/volume'));
  expect(Object.keys(first).sort()).toEqual(Object.keys(fixture('volume-list-iterator')).sort());
  expect(first).toMatchObject({ count: 1004, maxPageSize: 1000, resultList: { from: 1, to: 1000 } });

  const page = (from: number, to: number) =>
    site.get(`/univmax/restapi/common/Iterator/${String(first.id)}/page?from=${from}&to=${to}`);
  const second = await page(1001, 2000);
  expect([second.from, second.to]).toEqual([1001, 1004]);
  expect(Object.keys(second).sort()).toEqual(Object.keys(fixture('iterator-page')).sort());
  const all = [...idsOf(first), ...idsOf({ resultList: second })];
  expect(new Set(all).size).toBe(1004);

  await site.call('DELETE', `/univmax/restapi/common/Iterator/${String(first.id)}`, undefined, 204);
  expect(
    (await site.send({ path: `/univmax/restapi/common/Iterator/${String(first.id)}/page?from=1&to=2` })).status,
  ).toBe(404);
});

test('an iterator expires at the time it tells', async () => {
  const first = await site.get(site.sloprovisioning('/volume?expiration_time_mins=0.2'));
  const path = `/univmax/restapi/common/Iterator/${String(first.id)}/page?from=1&to=2`;
  expect((await site.send({ path })).status).toBe(200);
  const deadline = Number(first.expirationTime);
  while (Date.now() <= deadline) await new Promise((resolve) => setTimeout(resolve, 10));
  expect((await site.send({ path })).status).toBe(404);
});

test('a life of an iterator that is no time is refused', async () => {
  for (const minutes of ['soon', '0', '-1', '1e12'])
    await site.refused('GET', site.sloprovisioning(`/volume?expiration_time_mins=${minutes}`), undefined, 400);
});

test('the private list holds everything about a device', async () => {
  const body = await site.get(
    `/univmax/restapi/private/100/sloprovisioning/symmetrix/${ARRAY}/volume?wwn=${VVOL_WWN}&expiration_time_mins=180`,
  );
  const sample = fixture('private-volume-by-wwn-iterator');
  const row = at(body, 'resultList.result.0');
  expect(body).toMatchObject({ count: 1, maxPageSize: 1000 });
  for (const part of ['volumeHeader', 'maskingInfo', 'rdfInfo', 'timeFinderInfo']) {
    const wanted = Object.keys(at(sample, `resultList.result.0.${part}`) as Json).filter(
      (key) => key !== 'snapVXSession',
    );
    expect(Object.keys(at(row, part) as Json)).toEqual(expect.arrayContaining(wanted));
  }
  expect(at(row, 'volumeHeader')).toMatchObject({ volumeId: '00031', VVol: true, wwn: VVOL_WWN });
});

test('an identifier can be set, need not be unique, and can be taken away', async () => {
  const renamed = await site.call('PUT', site.sloprovisioning('/volume/00003'), fixture('volume-rename-request'));
  expect(renamed).toMatchObject({ volumeId: '00003', volume_identifier: 'finance' });
  await site.call('PUT', site.sloprovisioning('/volume/00013'), fixture('volume-rename-request'));
  expect(await list('volume_identifier=finance')).toEqual(['00003', '00013']);

  const none = {
    editVolumeActionParam: { modifyVolumeIdentifierParam: { volumeIdentifier: { volumeIdentifierChoice: 'none' } } },
  };
  await site.call('PUT', site.sloprovisioning('/volume/00003'), none);
  expect(await list('volume_identifier=finance')).toEqual(['00013']);
});

test('a volume grows, rounded up to whole cylinders', async () => {
  const body = {
    executionOption: 'ASYNCHRONOUS',
    editVolumeActionParam: { expandVolumeParam: { volumeAttribute: { volume_size: '19', capacityUnit: 'MB' } } },
  };
  const job = await site.call('PUT', site.sloprovisioning('/volume/00003'), body, 202);
  expect(await finished(site, job)).toMatchObject({ status: 'SUCCEEDED', resourceLink: 'volume/00003' });
  expect((await site.get(site.sloprovisioning('/volume/00003'))).cap_cyl).toBe(11);
});

test('a mobility id is a WWN that does not tell the array', async () => {
  const body = { editVolumeActionParam: { enable_mobility_id_param: { enable_mobility_id: 'True' } } };
  const volume = await site.call('PUT', site.sloprovisioning('/volume/00003'), body);
  expect(volume.mobility_id_enabled).toBe(true);
  expect(volume.wwn).toMatch(/^600009700B[0-9A-F]{22}$/);
  expect(await list(`effective_wwn=${String(volume.wwn)}`)).toEqual(['00003']);
});

test('a freed volume reads as zeros and can be deleted, also as a range', async () => {
  site.store.open('00012').write(0, Buffer.from('data'));
  await site.call('PUT', site.sloprovisioning('/volume/00012'), {
    editVolumeActionParam: { freeVolumeParam: { free_volume: 'true' } },
  });
  expect(site.store.open('00012').read(0, 4)).toEqual(Buffer.alloc(4));

  await site.call('DELETE', site.sloprovisioning('/volume/00003'), undefined, 204);
  await site.call('DELETE', site.sloprovisioning('/volume/00021-00022'), undefined, 204);
  expect(await list('cap_cyl=%3C100')).toEqual(
    DEVICES.map(([id]) => id).filter((id) => !['00003', '00021', '00022', '00031'].includes(id)),
  );
});

test('a volume in a group, in a session, or gone cannot be deleted', async () => {
  expect(await site.refused('DELETE', site.sloprovisioning('/volume/00001'), undefined, 500)).toMatch(
    /^A problem occurred deleting the volume resource: .*storage group/,
  );
  await site.call('POST', site.privateReplication('/snapshot/one'), { deviceNameListSource: [{ name: '00003' }] });
  expect(await site.refused('DELETE', site.sloprovisioning('/volume/00003'), undefined, 500)).toMatch(
    /cannot use the device for the function because it is in a Copy Session/,
  );
  expect(await site.refused('DELETE', site.sloprovisioning('/volume/0FFFF'), undefined, 404)).toMatch(
    /cannot be found/,
  );
});
