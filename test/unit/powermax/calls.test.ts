import type { LabRequest } from '../../../src/lab/world/http-server.ts';
import { deviceId } from '../../../src/ports/identity.ts';
import { fixture } from './fixture.ts';
import { ARRAY, json, type Script, type ScriptedUnisphere, startScriptedUnisphere } from './scripted-unisphere.ts';

const { signal } = new AbortController();
const devices = [deviceId('00001'), deviceId('00002')];
const NAME = 'sh-run-1';
const version92 = json(fixture('version-9.2'));

let script: Script = () => undefined;
let unisphere: ScriptedUnisphere;
let asked: LabRequest[] = [];

beforeAll(async () => {
  unisphere = await startScriptedUnisphere((request) => {
    asked.push(request);
    return script(request);
  });
});
afterAll(() => unisphere.close());
beforeEach(() => {
  script = () => undefined;
  asked = [];
});

const lastBody = () => JSON.parse(asked.at(-1)?.body.toString() ?? 'null') as unknown;
/** Answers by the end of the path; the query does not count. */
const byPath =
  (answers: Readonly<Record<string, ReturnType<typeof json>>>): Script =>
  ({ url }) =>
    answers[Object.keys(answers).find((end) => (url.split('?')[0] ?? '').endsWith(end)) ?? ''];

describe('bodies sent', () => {
  beforeEach(() => {
    script = ({ method }) => (method === 'GET' ? undefined : json(undefined, 200));
  });

  test('an establish names exactly the devices and asks for one synchronous operation with a limited life', async () => {
    await unisphere.array().establish({ name: NAME, devices, timeToLiveHours: 2 }, signal);

    expect(asked.at(-1)).toMatchObject({
      method: 'POST',
      url: `/univmax/restapi/private/103/replication/symmetrix/${ARRAY}/snapshot/${NAME}`,
    });
    expect(lastBody()).toEqual({
      deviceNameListSource: [{ name: '00001' }, { name: '00002' }],
      bothSides: false,
      star: false,
      force: false,
      timeInHours: true,
      timeToLive: 2,
      executionOption: 'SYNCHRONOUS',
    });
  });

  test('a link pairs by position, copies nothing and names the snapshot by id', async () => {
    const pairs = devices.map((source) => ({ source, target: deviceId(`1${source.slice(1)}`) }));
    await unisphere.array().link({ name: NAME, snapId: 118749976833, pairs }, signal);

    expect(lastBody()).toMatchObject({
      action: 'Link',
      deviceNameListSource: [{ name: '00001' }, { name: '00002' }],
      deviceNameListTarget: [{ name: '10001' }, { name: '10002' }],
      exact: true,
      copy: false,
      symforce: false,
      snap_id: 118749976833,
    });
    expect(lastBody()).not.toHaveProperty('generation');
  });

  test('on an array without snap ids generation 0 is named, not left out', async () => {
    script = ({ method, url }) => {
      if (method !== 'GET') return json(undefined, 200);
      return url.includes('/system/symmetrix/') ? json(fixture('symmetrix-v3')) : undefined;
    };
    await unisphere.array().terminate({ name: NAME, snapId: undefined, devices }, signal);

    expect(asked.at(-1)?.method).toBe('DELETE');
    expect(lastBody()).toMatchObject({ generation: 0 });
    expect(lastBody()).not.toHaveProperty('snap_id');
  });

  test('on a V4 array a snapshot is named by the id the array tells, never by a generation', async () => {
    script = ({ method, url }) => {
      if (method !== 'GET') return json(undefined, 200);
      if (url.includes('/system/symmetrix/')) return json(fixture('symmetrix-v4-with-ucode'));
      const snapshotSrc = [{ snapshotName: NAME, generation: 0, snap_id: 118749976833 }];
      return url.endsWith(`/snapshot/${NAME}`) ? json({ snapshotSrc }) : undefined;
    };
    await unisphere.array().terminate({ name: NAME, snapId: undefined, devices }, signal);

    expect(asked.at(-1)?.method).toBe('DELETE');
    expect(lastBody()).toMatchObject({ snap_id: 118749976833 });
    expect(lastBody()).not.toHaveProperty('generation');
  });

  test.each([
    ['503', { status: 503 }],
    ['a lock', json({ message: 'Unable to acquire the Symmetrix device lock' }, 500)],
  ])('after %s only the pairs that are still linked are unlinked', async (_what, busy) => {
    const pairs = devices.map((source) => ({ source, target: deviceId(`1${source.slice(1)}`) }));
    const answers = [busy, json(undefined, 200)];
    script = ({ method, url }) => {
      if (method === 'PUT') return answers.shift();
      const source = /volume\/(\w{5})\/snapshot/.exec(url)?.[1];
      const linkedDevices = source === '00002' ? [{ targetDevice: '10002', linked: true, defined: true }] : [];
      const snapshotSrc = [{ snapshotName: NAME, snap_id: 7, linkedDevices }];
      return source === undefined ? undefined : json({ snapshotSrc });
    };
    await unisphere.array().unlink({ name: NAME, snapId: 7, pairs, force: true }, signal);

    expect(asked.at(-1)?.method).toBe('PUT');
    expect(lastBody()).toMatchObject({
      deviceNameListSource: [{ name: '00002' }],
      deviceNameListTarget: [{ name: '10002' }],
    });
  });

  test('adding to a group names existing devices and never lets the array choose or make others', async () => {
    await unisphere.array().addToStorageGroup({ storageGroup: 'proxy group', devices }, signal);

    expect(asked.at(-1)?.url).toContain('/storagegroup/proxy%20group');
    expect(lastBody()).toMatchObject({
      editStorageGroupActionParam: { expandStorageGroupParam: { addSpecificVolumeParam: { volumeId: devices } } },
    });
    expect(asked.at(-1)?.body.toString()).not.toMatch(/create_new|num_of_vols/);
  });
});

describe('a write answered with a job', () => {
  const job = (status: string, result?: string) => json({ jobId: '1580392742209', status, result });
  const withJob = (...states: ReturnType<typeof json>[]): Script => {
    return ({ method, url }) => {
      if (method !== 'GET') return json({ jobId: '1580392742209', status: 'SCHEDULED' }, 202);
      return url.endsWith('/103/system/job/1580392742209') ? states.shift() : undefined;
    };
  };

  test('is over when the job is', async () => {
    script = withJob(job('RUNNING'), job('RUNNING'), job('SUCCEEDED'));

    await unisphere.array().establish({ name: NAME, devices, timeToLiveHours: 2 }, signal);

    expect(asked.filter(({ url }) => url.includes('/job/'))).toHaveLength(3);
  });

  test('fails with the text of the job', async () => {
    script = withJob(
      job('RUNNING'),
      job('FAILED', 'The maximum number of sessions has been exceeded for the specified'),
    );

    await expect(
      unisphere.array().establish({ name: NAME, devices, timeToLiveHours: 2 }, signal),
    ).rejects.toMatchObject({ code: 'E_ARRAY_LIMIT' });
  });
});

describe('facts', () => {
  const factsFrom = (version: ReturnType<typeof json>, symmetrix: string) => {
    script = byPath({
      '/restapi/version': version,
      [`/system/symmetrix/${ARRAY}`]: json({ ...fixture(symmetrix), symmetrixId: ARRAY }),
      '/capabilities/symmetrix': json({ symmetrixCapability: [{ symmetrixId: ARRAY, snapVxCapable: 'true' }] }),
    });
    return unisphere.array().facts(signal);
  };

  test('of a PowerMax 2500 come from microcode even where ucode says something older', async () => {
    await expect(factsFrom(json(fixture('version-10.1')), 'symmetrix-v4-with-ucode')).resolves.toEqual({
      arrayId: ARRAY,
      model: 'PowerMax_2500',
      microcode: '6079.325.0',
      generation: 'V4',
      unisphereVersion: 'T10.1.0.468',
      apiVersion: '101',
      local: true,
      snapVxLicensed: true,
      snapVxApi: 'device-list',
    });
  });

  test('of an array behind 9.2 come from the endpoint of 9.2', async () => {
    await expect(factsFrom(version92, 'symmetrix-v3')).resolves.toMatchObject({ generation: 'V3', apiVersion: '92' });
    expect(asked.some(({ url }) => url.includes(`/92/system/symmetrix/${ARRAY}`))).toBe(true);
  });

  test('take three calls', async () => {
    await factsFrom(version92, 'symmetrix-v3');

    expect(asked).toHaveLength(3);
  });

  test('without a licence row say so', async () => {
    script = byPath({
      [`/system/symmetrix/${ARRAY}`]: json(fixture('symmetrix-10.0')),
      '/capabilities/symmetrix': json(fixture('replication-capabilities')),
    });

    await expect(unisphere.array().facts(signal)).resolves.toMatchObject({ snapVxLicensed: false });
  });

  test('of an array this Unisphere does not manage are an error that names it', async () => {
    script = byPath({
      [`/system/symmetrix/${ARRAY}`]: json({ message: 'Symmetrix cannot be found' }, 404),
      '/capabilities/symmetrix': json(fixture('replication-capabilities')),
    });

    await expect(unisphere.array().facts(signal)).rejects.toMatchObject({
      code: 'E_ARRAY_NOT_LOCAL',
      message: expect.stringContaining(ARRAY),
    });
  });
});

test('a wrong array id is no proof that a snapshot is gone', async () => {
  script = ({ url }) =>
    url.endsWith('/version') ? undefined : json({ message: `Symmetrix [${ARRAY}] cannot be found` }, 404);

  const refused = { code: 'E_ARRAY_NOT_LOCAL' };
  await expect(unisphere.array().terminate({ name: NAME, snapId: 1, devices }, signal)).rejects.toMatchObject(refused);
  await expect(unisphere.array().findSnapshots({ name: NAME, devices }, signal)).rejects.toMatchObject(refused);
  await expect(unisphere.array().listSnapshots({ namePrefix: 'sh-' }, signal)).rejects.toMatchObject(refused);
});

test('a wrong array id is no proof that there are no devices', async () => {
  script = ({ url }) =>
    url.endsWith('/version') ? undefined : json({ message: `Symmetrix [${ARRAY}] cannot be found` }, 404);

  await expect(unisphere.array().inventory({ identities: [], pool: 'P' }, signal)).rejects.toMatchObject({
    code: 'E_ARRAY_NOT_LOCAL',
  });
});

test('a path that is not served is no proof that a snapshot is gone', async () => {
  await expect(unisphere.array().findSnapshots({ name: NAME, devices }, signal)).rejects.toMatchObject({
    code: 'E_ARRAY_VERSION',
  });
});

describe('long lists', () => {
  const volume = (id: string) =>
    json({ volumeId: id, wwn: `6000097000019790004653${Buffer.from(id).toString('hex')}`, storageGroupId: 'P' });

  test('of the classic API are read to the end, position by position, and the iterator is given back', async () => {
    const ids = ['00001', '00002', '00003', '00004', '00005'].map((volumeId) => ({ volumeId }));
    script = ({ method, url }) => {
      if (url.endsWith('/version')) return version92;
      if (method === 'DELETE') return { status: 204 };
      const range = /Iterator\/abc_0\/page\?from=(\d+)&to=(\d+)$/.exec(url);
      if (range) return json({ result: ids.slice(Number(range[1]) - 1, Number(range[2])) });
      const single = /\/volume\/(\w{5})$/.exec(url)?.[1];
      if (single) return volume(single);
      if (!url.includes('/volume?storageGroupId=P')) return json({ storageGroupId: 'P' });
      return json({ id: 'abc_0', count: 5, maxPageSize: 2, resultList: { result: ids.slice(0, 2), from: 1, to: 2 } });
    };

    const { pool } = await unisphere.array().inventory({ identities: [], pool: 'P' }, signal);

    expect(pool.map(({ id }) => id)).toEqual(ids.map(({ volumeId }) => volumeId));
    expect(asked.filter(({ method }) => method === 'DELETE').map(({ url }) => url)).toEqual([
      '/univmax/restapi/common/Iterator/abc_0',
    ]);
  });

  test('of the bulk API that promise more without telling how to go on are an error, not a short list', async () => {
    script = ({ url }) =>
      url.includes('/rest/v1/') ? json({ volumes: [], paging: { remaining_instances: 5 } }) : undefined;

    await expect(unisphere.array().inventory({ identities: [], pool: 'P' }, signal)).rejects.toMatchObject({
      code: 'E_ARRAY',
    });
  });
});

describe('masking views of a bulk list', () => {
  const volume = (id: string, ...views: readonly object[]) => ({
    id,
    wwn: `60000970${ARRAY}53${Buffer.from(id).toString('hex')}`,
    storage_groups: [{ id: 'P' }],
    masking_views: views,
  });
  const view = (answer: ReturnType<typeof json>, ...volumes: readonly object[]) => {
    script = byPath({
      '/volumes': json({ volumes, paging: { remaining_instances: 0 } }),
      '/maskingview/mv1': answer,
      '/hostgroup/hg1': json({ hostGroupId: 'hg1', host: [{ hostId: 'proxy01' }, { hostId: 'esx01' }] }),
    });
    return unisphere.array().inventory({ identities: [], pool: 'P' }, signal);
  };
  const looked = () => asked.filter(({ url }) => /maskingview|hostgroup/.test(url)).length;
  const ofGroup = json({ maskingViewId: 'mv1', hostGroupId: 'hg1' });

  test('that tell no host are looked up once and become one entry for each member of the host group', async () => {
    const { pool } = await view(ofGroup, volume('00001', { id: 'mv1' }), volume('00002', { id: 'mv1', host: {} }));

    for (const { maskingViews } of pool) {
      expect(maskingViews).toEqual([
        { id: 'mv1', host: 'proxy01' },
        { id: 'mv1', host: 'esx01' },
      ]);
    }
    expect([pool.length, looked()]).toEqual([2, 2]);
  });

  test('that tell a host are not looked up', async () => {
    const { pool } = await view(ofGroup, volume('00001', { id: 'mv1', host: { id: 'proxy01' } }));

    expect(pool[0]?.maskingViews).toEqual([{ id: 'mv1', host: 'proxy01' }]);
    expect(looked()).toBe(0);
  });

  test('that are gone when looked up stay without a host', async () => {
    const { pool } = await view(json({ message: 'Masking View cannot be found' }, 404), volume('00001', { id: 'mv1' }));

    expect(pool[0]?.maskingViews).toEqual([{ id: 'mv1', host: undefined }]);
  });
});
