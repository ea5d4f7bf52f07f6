import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ARRAY, at, DEVICES, finished, fixture, type Json, TestSite } from './test-site.ts';

let site: TestSite;
beforeEach(async () => {
  site = await TestSite.start();
});
afterEach(() => site.stop());

const group = (id: string) => site.sloprovisioning(`/storagegroup/${id}`);
const edit = (param: Json, executionOption = 'SYNCHRONOUS') => ({
  executionOption,
  editStorageGroupActionParam: param,
});
const add = (...volumeId: string[]) => edit({ expandStorageGroupParam: { addSpecificVolumeParam: { volumeId } } });
const addNew = (param: Json) => edit({ expandStorageGroupParam: { addVolumeParam: param } }, 'ASYNCHRONOUS');
const attributes = (size: string, count = 1, name?: string) => ({
  num_of_vols: count,
  volume_size: size,
  capacityUnit: 'CYL',
  ...(name !== undefined && { volumeIdentifier: { volumeIdentifierChoice: 'identifier_name', identifier_name: name } }),
});
const members = async (id: string) => site.array.config.storageGroups.find((one) => one.id === id)?.volumes;

test('a group with new volumes is created in the published shape', async () => {
  const body = await site.call('POST', site.sloprovisioning('/storagegroup'), fixture('storagegroup-create-request'));

  const { hostIOLimit, ...sample } = fixture('storagegroup-create-201');
  for (const [key, value] of Object.entries(sample)) expect([key, typeof body[key]]).toEqual([key, typeof value]);
  expect(body).toMatchObject({ storageGroupId: 'Accounting2', service_level: 'Diamond', srp: 'SRP_1', num_of_vols: 1 });
  const [device] = (await members('Accounting2')) ?? [];
  expect(site.store.device(device ?? '')?.cylinders).toBe(547);
});

test('an empty group without service level is created with srpId none, found without case, and exists once', async () => {
  const body = { srpId: 'none', storageGroupId: 'Scratch', emulation: 'FBA' };
  expect(await site.call('POST', site.sloprovisioning('/storagegroup'), body)).toMatchObject({
    num_of_vols: 0,
    slo: 'NONE',
  });
  expect((await site.get(group('SCRATCH'))).storageGroupId).toBe('Scratch');
  expect(
    await site.refused('POST', site.sloprovisioning('/storagegroup'), { ...body, storageGroupId: 'scratch' }, 409),
  ).toBe('The requested storage group resource already exists');
});

test('a group tells its views, members and kind', async () => {
  const sample = fixture('storagegroup-get');
  const body = await site.get(group('prod'));
  const policies = ['snapshot_policies'];
  for (const key of Object.keys(sample).filter((one) => !policies.includes(one))) {
    if (key === 'compression_ratio_to_one') continue;
    expect([key, typeof body[key]]).toEqual([key, typeof sample[key]]);
  }
  expect(body).toMatchObject({ num_of_vols: 2, num_of_masking_views: 1, maskingview: ['mv-esx'], type: 'Standalone' });
});

test('groups are listed by their volumes and names', async () => {
  const names = async (query: string) =>
    (await site.get(site.sloprovisioning(`/storagegroup?${query}`))).storageGroupId;
  expect(await names('')).toEqual(['prod', 'pool', 'pe']);
  expect(await names('volumeId=00012')).toEqual(['pool']);
  expect(await names('storageGroupId=%3Clike%3EPR')).toEqual(['prod']);
  expect(await names('num_of_vols=%3E1')).toEqual(['prod', 'pool']);
});

test('existing volumes enter and leave a group, as the Cinder driver asks for it', async () => {
  const request = (name: string): Json => {
    const body = JSON.stringify(fixture(name));
    return JSON.parse(body.replace('"00001"', '"00003"').replace('"00002"', '"00013"')) as Json;
  };
  const entered = await site.call('PUT', group('pool'), request('storagegroup-add-existing-volumes-request'), 202);
  expect(await finished(site, entered)).toMatchObject({ status: 'SUCCEEDED' });
  expect(await members('pool')).toEqual(['00011', '00012', '00003', '00013']);
  const left = await site.call('PUT', group('pool'), request('storagegroup-remove-volumes-request'), 202);
  expect(await finished(site, left)).toMatchObject({ status: 'SUCCEEDED' });
  expect(await members('pool')).toEqual(['00011', '00012']);
});

test('all volumes of one request enter or none', async () => {
  await site.refused('PUT', group('pool'), add('00003', '0FFFF'), 404);
  expect(await site.refused('PUT', group('pool'), add('00003', '00011'), 500)).toMatch(/already a member/);
  expect(await members('pool')).toEqual(['00011', '00012']);
});

test('a device in a group with a service level cannot enter another one with a service level', async () => {
  const body = { srpId: 'SRP_1', storageGroupId: 'fast2', sloBasedStorageGroupParam: [{ sloId: 'Gold' }] };
  await site.call('POST', site.sloprovisioning('/storagegroup'), body);
  expect(await site.refused('PUT', group('fast2'), add('00001'), 500)).toMatch(
    /^A problem occurred modifying the storage group resource: .*cannot belong to more than one storage group in use by FAST/,
  );
});

test('a group holds 4096 devices', async () => {
  const body = edit({
    expandStorageGroupParam: {
      addVolumeParam: { create_new_volumes: true, volumeAttributes: [attributes('1', 4095)] },
    },
  });
  const message = await site.refused('PUT', group('pool'), body, 500);
  expect(message).toMatch(/The maximum allowed devices for a storage group has been exceeded/);
  expect(site.store.devices()).toHaveLength(DEVICES.length);
});

test('new volumes: the device ids are in the task descriptions of the job', async () => {
  const request = addNew({ create_new_volumes: 'true', volumeAttributes: [attributes('4', 1, 'fresh')] });
  const job = await site.call('PUT', group('pool'), request, 202);
  const done = await finished(site, job);

  const added = (await members('pool'))?.at(-1) ?? '';
  expect(at(done, 'task.0.description')).toBe(`Creating new Volumes for pool : [${added}]`);
  expect(DEVICES.map(([id]) => id)).not.toContain(added);
  expect(await site.get(site.sloprovisioning(`/volume/${added}`))).toMatchObject({
    cap_cyl: 4,
    volume_identifier: 'fresh',
  });
});

test('new volumes are of the emulation asked for, and a device store that is full makes none of them', async () => {
  await site.stop();
  site = await TestSite.start({ knobs: { maxDevices: DEVICES.length + 2 } });
  const make = (count: number) =>
    edit({
      expandStorageGroupParam: {
        addVolumeParam: { create_new_volumes: true, emulation: 'CKD-3390', volumeAttributes: [attributes('4', count)] },
      },
    });

  expect(await site.refused('PUT', group('pool'), make(3), 500)).toMatch(/maximum number of devices/);
  expect(site.store.devices()).toHaveLength(DEVICES.length);
  await site.call('PUT', group('pool'), make(2));

  const added = (await members('pool'))?.slice(-2) ?? [];
  expect(added.map((id) => site.store.device(id)?.emulation)).toEqual(['CKD', 'CKD']);
});

test('a new device is shown by no list until the lag is over, and exists all the same', async () => {
  await site.stop();
  site = await TestSite.start({ knobs: { newDeviceLagMs: 30_000 }, pace: 0.01 });
  const listed = async () => {
    const { resultList } = await site.get(site.sloprovisioning('/volume?volume_identifier=late'));
    return (resultList as { result: readonly Json[] }).result; // the shape of an iterator
  };
  const addVolumeParam = { create_new_volumes: true, volumeAttributes: [attributes('4', 1, 'late')] };
  await site.call('PUT', group('pool'), edit({ expandStorageGroupParam: { addVolumeParam } }));

  expect(await listed()).toEqual([]);
  expect(site.store.devices()).toHaveLength(DEVICES.length + 1);
  while ((await listed()).length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(await listed()).toEqual([{ volumeId: (await members('pool'))?.at(-1) }]);
});

test('without create_new_volumes an unassociated device of the same size is handed over, with its old data', async () => {
  site.store.open('00003').write(0, Buffer.from('somebody needs this'));
  const request = fixture('storagegroup-create-volume-request');
  const text = JSON.stringify(request).replace('"547"', '"4"');
  const job = await site.call('PUT', group('pool'), JSON.parse(text), 202);
  const done = await finished(site, job);

  expect(at(done, 'task.0.description')).toBe('Populating Storage Group(s) with volumes : [00003]');
  expect(await members('pool')).toContain('00003');
  expect(site.store.open('00003').read(0, 8).toString()).toBe('somebody');
});

test('a device with an identifier is not handed over', async () => {
  await site.call('PUT', site.sloprovisioning('/volume/00003'), fixture('volume-rename-request'));
  await site.call('PUT', site.sloprovisioning('/volume/00013'), fixture('volume-rename-request'));
  const job = await site.call('PUT', group('pool'), addNew({ volumeAttributes: [attributes('4')] }), 202);
  expect(at(await finished(site, job), 'task.0.description')).toMatch(/^Creating new Volumes for pool/);
});

test('a job that is refused ends as FAILED with the text', async () => {
  const job = await site.call('PUT', group('pool'), { ...add('00011'), executionOption: 'ASYNCHRONOUS' }, 202);
  expect(job).toMatchObject({ status: 'SCHEDULED', symmetrixId: ARRAY, username: 'admin' });
  expect(await finished(site, job)).toMatchObject({
    status: 'FAILED',
    result: expect.stringMatching(/^A problem occurred modifying the storage group resource: /),
  });
});

test('a job passes through its states and is found by both paths and in the list', async () => {
  await site.stop();
  site = await TestSite.start({ knobs: { jobMs: 10_000 }, pace: 0.01 });
  const job = await site.call('PUT', group('pool'), { ...add('00003'), executionOption: 'ASYNCHRONOUS' }, 202);
  const id = String(job.jobId);
  const seen = new Set<unknown>();
  let now: Json = job;
  while (now.status !== 'SUCCEEDED') {
    if (now.status === 'SCHEDULED') expect(await members('pool')).not.toContain('00003');
    seen.add(now.status);
    now = await site.get(site.system(`/symmetrix/${ARRAY}/job/${id}`));
  }
  expect([...seen]).toEqual(expect.arrayContaining(['SCHEDULED', 'RUNNING']));
  const { scheduled_date, ...keys } = fixture('job-succeeded');
  expect(Object.keys(now)).toEqual(expect.arrayContaining(Object.keys(keys)));
  expect(now.last_modified_date).toMatch(/^[A-Z][a-z]{2}-\d\d-\d{4} \d\d:\d\d:\d\d\.\d{3}$/);
  expect(now.result).toMatch(/^Started job execution on \w{3} \d\d .* GMT - Finished job execution on /);
  expect(await site.get(site.system(`/job?status=SUCCEEDED`))).toEqual({ jobId: [id] });
  expect((await site.send({ path: site.system('/job/77') })).status).toBe(404);
});

test('volumes move between groups', async () => {
  const body = edit({ moveVolumeToStorageGroupParam: { volumeId: ['00012'], storageGroupId: 'pe', force: 'false' } });
  await site.call('PUT', group('pool'), body);
  expect([await members('pool'), await members('pe')]).toEqual([['00011'], ['00030', '00012']]);
});

test('child groups pass their devices on to the views of the parent', async () => {
  await site.call('POST', site.sloprovisioning('/storagegroup'), { srpId: 'none', storageGroupId: 'parent' });
  await site.call('POST', site.sloprovisioning('/storagegroup'), { srpId: 'none', storageGroupId: 'child' });
  await site.call('PUT', group('child'), add('00003'));
  const adopt = edit({ expandStorageGroupParam: { addExistingStorageGroupParam: { storageGroupId: ['child'] } } });
  expect(await site.call('PUT', group('parent'), adopt)).toMatchObject({
    type: 'Parent',
    child_storage_group: ['child'],
  });
  const view = {
    maskingViewId: 'mv-parent',
    hostOrHostGroupSelection: { useExistingHostParam: { hostId: 'proxy1' } },
    portGroupSelection: { useExistingPortGroupParam: { portGroupId: 'pg1' } },
    storageGroupSelection: { useExistingStorageGroupParam: { storageGroupId: 'parent' } },
  };
  await site.call('POST', site.sloprovisioning('/maskingview'), view);
  expect(site.seen).toContain('+proxy1:00003');
  expect(await site.get(group('child'))).toMatchObject({
    type: 'Child',
    parent_storage_group: ['parent'],
    num_of_masking_views: 0,
  });
  expect(await site.get(site.sloprovisioning('/volume/00003'))).toMatchObject({
    storage_groups: expect.arrayContaining([{ storage_group_name: 'child', parent_storage_group_name: 'parent' }]),
  });
  expect(await site.refused('DELETE', group('child'), undefined, 500)).toMatch(/child of another/);

  await site.call('PUT', group('child'), add('00013'));
  expect(site.seen).toContain('+proxy1:00013');
  await site.call('DELETE', site.sloprovisioning('/maskingview/mv-parent'), undefined, 204);
  await site.call(
    'PUT',
    group('parent'),
    edit({ removeStorageGroupParam: { storageGroupId: ['child'], force: 'true' } }),
  );
  expect(site.seen.slice(-2).sort()).toEqual(['-proxy1:00003', '-proxy1:00013']);
});

test('a group in a view is not deleted and not emptied; its volumes outlive it', async () => {
  expect(await site.refused('DELETE', group('pool'), undefined, 500)).toMatch(/in use by a masking view/);
  const emptied = edit({ removeVolumeParam: { volumeId: ['00011', '00012'] } });
  expect(await site.refused('PUT', group('pool'), emptied, 500)).toMatch(/last device/);
  await site.call('DELETE', site.sloprovisioning('/maskingview/mv-proxy'), undefined, 204);
  await site.call('DELETE', group('pool'), undefined, 204);
  expect(site.store.device('00011')).toBeDefined();
  expect((await site.send({ path: group('pool') })).status).toBe(404);
});

test('a renamed group keeps its members and views', async () => {
  await site.call('PUT', group('pool'), edit({ renameStorageGroupParam: { new_storage_Group_name: 'pool2' } }));
  expect(await site.get(group('pool2'))).toMatchObject({ num_of_vols: 2, maskingview: ['mv-proxy'] });
});

test('the configuration survives a restart of the lab', async () => {
  await site.call('PUT', group('pool'), add('00003'));
  await site.call('PUT', site.sloprovisioning('/volume/00003'), fixture('volume-rename-request'));
  await site.stop(true);
  site = await TestSite.start({ folder: site.folder });

  expect(await site.get(site.sloprovisioning('/volume/00003'))).toMatchObject({
    storageGroupId: ['pool'],
    volume_identifier: 'finance',
  });
  expect(site.seen).toContain('+proxy1:00003');
});

test('a damaged configuration file is an error, never an empty array', async () => {
  await site.stop(true);
  const file = path.join(site.folder, 'config', `${ARRAY}.config.json`);
  writeFileSync(file, readFileSync(file, 'utf8').slice(0, -20));
  await expect(TestSite.start({ folder: site.folder })).rejects.toThrow(/damaged/);
  site = await TestSite.start();
});
