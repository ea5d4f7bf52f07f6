import { ARRAY, at, type Json, TestSite, until } from './test-site.ts';

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

test('the object model lags behind the array until a refresh', async () => {
  await start({ knobs: { objectModelLagMs: 60_000_000, snapshotListLagMs: 60_000_000 } });
  await create('one', '00001');
  await site.call('PUT', snapshot('one'), pairs('Link', ['00001'], ['00011']));
  const shown = async (id: string) => {
    const { snapvx_source, snapvx_target } = await site.get(site.sloprovisioning(`/volume/${id}`));
    return [snapvx_source, snapvx_target];
  };
  expect([await shown('00001'), await shown('00011')]).toEqual([
    [false, false],
    [false, false],
  ]);
  expect((await sessions('00001')).snapshotSrcs).toHaveLength(1);
  await site.call('POST', site.system(`/symmetrix/${ARRAY}/refresh`), {}, 200);
  expect([await shown('00001'), await shown('00011')]).toEqual([
    [true, false],
    [false, true],
  ]);
});

test('the enhanced lists show new, linked and terminated snapshots only after a while', async () => {
  await start({ knobs: { objectModelLagMs: 60_000_000, snapshotListLagMs: 60_000_000 } });
  const select = 'num_of_snapshots,snapshots.name,snapshots.linked';
  const shown = async () => {
    const body = await site.get(site.v1(`${ARRAY}/volumes?select=${select}&filter=id%20eq%2000001`));
    const group = await site.get(site.v1(`${ARRAY}/storage-groups?select=num_of_snapshots&filter=id%20eq%20prod`));
    return [
      at(body, 'volumes.0.num_of_snapshots'),
      at(body, 'volumes.0.snapshots'),
      at(group, 'storage_groups.0.num_of_snapshots'),
    ];
  };
  const refreshed = async () => {
    site.array.lag.catchUp();
    site.array.snapshotLag.catchUp();
    return shown();
  };
  await create('one', '00001');
  expect(await shown()).toEqual([0, [], 0]);
  await site.call('POST', site.system(`/symmetrix/${ARRAY}/refresh`), {}, 200);
  expect(await shown()).toEqual([1, [{ name: 'one', linked: false }], 1]);
  await site.call('PUT', snapshot('one'), pairs('Link', ['00001'], ['00011']));
  expect(await shown()).toEqual([1, [{ name: 'one', linked: false }], 1]);
  expect(await refreshed()).toEqual([1, [{ name: 'one', linked: true }], 1]);
  await site.call('PUT', snapshot('one'), pairs('Unlink', ['00001'], ['00011'], { symforce: true }));
  await refreshed();
  await site.call('DELETE', snapshot('one'), { deviceNameListSource: devices('00001') }, 204);
  expect(await shown()).toEqual([1, [{ name: 'one', linked: false }], 1]);
  expect((await sessions('00001')).snapshotSrcs).toEqual([]);
  expect(await refreshed()).toEqual([0, [], 0]);
});

test('the object model catches up by itself', async () => {
  await start({ knobs: { objectModelLagMs: 10_000, snapshotListLagMs: 10_000 }, pace: 0.01 });
  await create('one', '00001');
  expect((await site.get(site.sloprovisioning('/volume/00001'))).snapvx_source).toBe(false);
  await until(
    () => site.get(site.sloprovisioning('/volume/00001')),
    ({ snapvx_source }) => snapvx_source === true,
  );
});

test('each of two servers shows at once what was changed through it, and late what was changed through the other', async () => {
  await start({ second: { lagMs: 60_000_000 } });
  const second = site.secondClient();
  const isSource = async (client: Pick<TestSite, 'send'>, id: string) => {
    const { text } = await client.send({ path: site.sloprovisioning(`/volume/${id}`) });
    return at(JSON.parse(text), 'snapvx_source');
  };
  const groups = async (client: Pick<TestSite, 'send'>) => {
    const { text } = await client.send({ path: site.sloprovisioning('/storagegroup') });
    return at(JSON.parse(text), 'storageGroupId');
  };
  await site.send({ method: 'POST', path: snapshot('one'), body: { deviceNameListSource: devices('00001') } });
  await second.send({ method: 'POST', path: snapshot('two'), body: { deviceNameListSource: devices('00002') } });
  const group = { storageGroupId: 'late', srpId: 'none', emulation: 'FBA' };
  await second.send({ method: 'POST', path: site.sloprovisioning('/storagegroup'), body: group });

  expect([await isSource(site, '00001'), await isSource(site, '00002')]).toEqual([true, false]);
  expect([await isSource(second, '00001'), await isSource(second, '00002')]).toEqual([false, true]);
  expect(await groups(site)).not.toContain('late');
  expect(await groups(second)).toContain('late');
  await site.call('POST', site.system(`/symmetrix/${ARRAY}/refresh`), {}, 200);
  expect(await isSource(site, '00002')).toBe(true);
  expect(await groups(site)).toContain('late');
});
