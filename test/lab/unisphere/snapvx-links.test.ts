import { at, type Json, TestSite, until } from './test-site.ts';

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

test('a link shows the point in time; writes on either side stay there', async () => {
  await start();
  write('00001', 'before');
  await create('one', '00001');
  write('00001', 'after!');
  await site.call(
    'PUT',
    snapshot('one'),
    pairs('Link', ['00001'], ['00011'], { snap_id: snapIdOf('00001'), copy: 'false' }),
  );

  expect(read('00011')).toBe('before');
  write('00011', 'target');
  expect([read('00001'), read('00011')]).toEqual(['after!', 'target']);
});

test('link refuses what the array refuses, in its words', async () => {
  await start();
  await create('one', '00001', '00002');
  const link = (source: string, target: string, more: Json = {}) =>
    pairs('Link', [source], [target], { exact: true, ...more });
  await site.call('PUT', snapshot('one'), link('00001', '00011'));

  expect(await site.refused('PUT', snapshot('one'), link('00001', '00011'), 500)).toMatch(
    /already in the desired state or mode/,
  );
  expect(await site.refused('PUT', snapshot('one'), link('00002', '00011'), 500)).toMatch(
    /already a Copy session Target device/,
  );
  expect(await site.refused('PUT', snapshot('one'), link('00002', '00021'), 500)).toBe(
    'Target volume size [2]Cyls cannot be smaller than source volume size [4]Cyls',
  );
  expect(await site.refused('PUT', snapshot('none'), link('00001', '00012'), 404)).toBe(
    'Snapshot none not found for 00001',
  );
  expect(await site.refused('PUT', snapshot('one'), link('00001', '00012', { snap_id: 4711 }), 404)).toMatch(
    /not found for/,
  );
  await site.refused('PUT', snapshot('one'), { ...link('00001', '00012'), deviceNameListTarget: [] }, 400);
  await site.refused('PUT', snapshot('one'), pairs('Explode', ['00001'], ['00012']), 400);
  await site.call('PUT', snapshot('one'), link('00002', '00022'));
});

test('exact pairs by position; without it the array pairs by size', async () => {
  await start();
  site.store.createDevice({ id: '00041', cylinders: 9 });
  await create('one', '00001', '00041');
  const body = (exact: boolean) => pairs('Link', ['00041', '00001'], ['00011', '00022'], { exact });
  expect(await site.refused('PUT', snapshot('one'), body(true), 500)).toMatch(/cannot be smaller/);
  await site.call('PUT', snapshot('one'), body(false));
  expect([site.store.linkOf('00011')?.source, site.store.linkOf('00022')?.source]).toEqual(['00001', '00041']);
});

test('several pairs are linked and unlinked in one call', async () => {
  await start({ store: { defineMs: 0, defineTracksPerSecond: 1e9 } });
  await create('one', '00001', '00002', '00003');
  const sources = ['00001', '00002', '00003'];
  const targets = ['00011', '00012', '00013'];
  await site.call('PUT', snapshot('one'), pairs('Link', sources, targets, { exact: true }));
  expect(targets.map((id) => site.store.linkOf(id)?.source)).toEqual(sources);
  await site.call('PUT', snapshot('one'), pairs('Unlink', sources, targets, { snap_id: snapIdOf('00001') }));
  expect(targets.map((id) => site.store.linkOf(id))).toEqual([undefined, undefined, undefined]);
});

test('V3: unlink is refused until the target is defined, unless forced', async () => {
  await start({ store: { defineMs: 30_000 }, pace: 0.01 });
  await create('one', '00001');
  await site.call('PUT', snapshot('one'), pairs('Link', ['00001'], ['00011']));
  await site.call('PUT', snapshot('one'), pairs('Link', ['00001'], ['00012']));
  expect(at(await sessions('00001'), 'snapshotSrcs.0.linkedDevices.0.defined')).toBe(false);
  expect(await site.refused('PUT', snapshot('one'), pairs('Unlink', ['00001'], ['00011']), 500)).toMatch(
    /not fully defined/,
  );
  await site.call('PUT', snapshot('one'), pairs('Unlink', ['00001'], ['00012'], { symforce: 'true' }));

  await until(
    () => sessions('00001'),
    (body) => at(body, 'snapshotSrcs.0.linkedDevices.0.defined') === true,
  );
  await site.call('PUT', snapshot('one'), pairs('Unlink', ['00001'], ['00011']));
});

test('V4: a target is never defined and unlinks at once', async () => {
  await start({ microcode: '6079.225.0' });
  await create('one', '00001');
  await site.call('PUT', snapshot('one'), pairs('Link', ['00001'], ['00011'], { snap_id: snapIdOf('00001') }));
  expect(at(await sessions('00001'), 'snapshotSrcs.0.linkedDevices.0.defined')).toBe(false);
  await site.call('PUT', snapshot('one'), pairs('Unlink', ['00001'], ['00011']));
});

test('unlink of the wrong generation finds no link target; of a free device it is already so', async () => {
  await start({ store: { defineMs: 0, defineTracksPerSecond: 1e9 } });
  await create('one', '00001');
  await site.call('PUT', snapshot('one'), pairs('Link', ['00001'], ['00011'], { generation: 0 }));
  await create('one', '00001');
  expect(
    await site.refused('PUT', snapshot('one'), pairs('Unlink', ['00001'], ['00011'], { generation: 0 }), 404),
  ).toBe('No link target was found  ');
  expect(
    await site.refused('PUT', snapshot('one'), pairs('Unlink', ['00001'], ['00012'], { generation: 0 }), 500),
  ).toMatch(/already in the desired state/);
  await site.call('PUT', snapshot('one'), pairs('Unlink', ['00001'], ['00011'], { generation: '1' }));
});

test('relink refreshes a target from a newer snapshot', async () => {
  await start();
  write('00001', 'first!');
  await create('one', '00001');
  await site.call('PUT', snapshot('one'), pairs('Link', ['00001'], ['00011']));
  write('00001', 'second');
  await create('two', '00001');
  await site.call('PUT', snapshot('two'), pairs('Relink', ['00001'], ['00011']));
  expect(read('00011')).toBe('second');
  expect(site.store.linkOf('00011')?.name).toBe('two');
});

test('V3: unlink is refused while the copy is in progress', async () => {
  await start({ store: { copyTracksPerSecond: 0.001 } });
  write('00001', 'before');
  await create('one', '00001');
  await site.call('PUT', snapshot('one'), pairs('Link', ['00001'], ['00011'], { copy: 'true' }));
  expect(at(await sessions('00001'), 'snapshotSrcs.0.linkedDevices.0.state')).toBe('CopyInProg');
  expect(await site.refused('PUT', snapshot('one'), pairs('Unlink', ['00001'], ['00011']), 500)).toMatch(
    /copy .* in progress/,
  );
});
