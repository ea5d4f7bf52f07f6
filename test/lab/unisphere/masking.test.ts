import { ARRAY, at, fixture, type Json, TestSite, until } from './test-site.ts';

let site: TestSite;
const start = async (options?: Parameters<typeof TestSite.start>[0]) => {
  site = await TestSite.start(options);
};
afterEach(() => site.stop());

const view = (id: string, storageGroupId: string, hosts: Json = { useExistingHostParam: { hostId: 'proxy1' } }) => ({
  maskingViewId: id,
  hostOrHostGroupSelection: hosts,
  portGroupSelection: { useExistingPortGroupParam: { portGroupId: 'pg1' } },
  storageGroupSelection: { useExistingStorageGroupParam: { storageGroupId } },
});
const connections = async (id: string, query = '') =>
  (await site.get(site.sloprovisioning(`/maskingview/${id}/connections${query}`))).maskingViewConnection as Json[];
const addToPool = (...volumeId: string[]) =>
  site.call('PUT', site.sloprovisioning('/storagegroup/pool'), {
    editStorageGroupActionParam: { expandStorageGroupParam: { addSpecificVolumeParam: { volumeId } } },
  });
const removeFromPool = (...volumeId: string[]) =>
  site.call('PUT', site.sloprovisioning('/storagegroup/pool'), {
    editStorageGroupActionParam: { removeVolumeParam: { volumeId } },
  });

test('who sees which device is told at start and with every change', async () => {
  await start();
  expect(site.seen.sort()).toEqual([
    '+esx1:00001',
    '+esx1:00002',
    '+esx1:00030',
    '+esx2:00001',
    '+esx2:00002',
    '+esx2:00030',
    '+proxy1:00011',
    '+proxy1:00012',
  ]);
  site.seen.length = 0;
  await addToPool('00003');
  await removeFromPool('00011', '00003');
  await site.call('DELETE', site.sloprovisioning('/maskingview/mv-proxy'), undefined, 204);
  expect(site.seen).toEqual(['+proxy1:00003', '-proxy1:00011', '-proxy1:00003', '-proxy1:00012']);
});

test('connections have one row per initiator and port, and the address as four hex digits', async () => {
  await start();
  const rows = await connections('mv-proxy', '?volume_id=00012');
  const sample = at(fixture('maskingview-connections'), 'maskingViewConnection.0') as Json;
  for (const [key, value] of Object.entries(sample)) expect([key, typeof rows[0]?.[key]]).toEqual([key, typeof value]);
  expect(rows.map(({ initiatorId, dir_port, logged_in }) => [initiatorId, dir_port, logged_in])).toEqual([
    ['10000090faa02c20', 'FA-1D:5', true],
    ['10000090faa02c20', 'FA-2D:5', false],
    ['10000090faa02c21', 'FA-1D:5', false],
    ['10000090faa02c21', 'FA-2D:5', true],
  ]);
  expect(new Set(rows.map((row) => row.host_lun_address))).toEqual(new Set(['0002']));
  expect(await connections('mv-proxy')).toHaveLength(8);
});

test('the hosts of a group see one device at different addresses', async () => {
  await start();
  const rows = await connections('mv-esx', '?volume_id=00001');
  const lunOf = (initiator: string) => rows.find((row) => row.initiatorId === initiator)?.host_lun_address;
  expect(lunOf('10000090faa02d01')).not.toBe(lunOf('10000090faa02d02'));
});

test('a host group with consistent LUNs has one address for all hosts', async () => {
  await start();
  await site.call('DELETE', site.sloprovisioning('/maskingview/mv-esx'), undefined, 204);
  const group = { hostGroupId: 'even', hostId: ['esx1', 'esx2'], consistent_lun: 'true' };
  await site.call('POST', site.sloprovisioning('/hostgroup'), group);
  await site.call('POST', site.sloprovisioning('/maskingview'), {
    ...view('mv-even', 'prod', { useExistingHostGroupParam: { hostGroupId: 'even' } }),
    starting_lun_address: '0010',
  });
  const rows = await connections('mv-even', '?volume_id=00001');
  expect(new Set(rows.map((row) => row.host_lun_address))).toEqual(new Set(['0010']));
});

test('right after masking the connections are empty, then without address, then complete', async () => {
  await start({ knobs: { lunAddressLagMs: 20_000 }, pace: 0.01 });
  expect(await connections('mv-proxy', '?volume_id=00011')).toHaveLength(4);
  await addToPool('00003');
  expect(await connections('mv-proxy', '?volume_id=00003')).toEqual([]);
  const half = await until(
    () => connections('mv-proxy', '?volume_id=00003'),
    (rows) => rows.length > 0,
  );
  expect('host_lun_address' in (half[0] ?? {})).toBe(false);
  await until(
    () => connections('mv-proxy', '?volume_id=00003'),
    (rows) => rows[0]?.host_lun_address === '0003',
  );
});

test('a freed address is used again, others stay', async () => {
  await start();
  await addToPool('00003');
  await removeFromPool('00011');
  await addToPool('00013');
  const lun = async (id: string) => (await connections('mv-proxy', `?volume_id=${id}`))[0]?.host_lun_address;
  expect([await lun('00012'), await lun('00003'), await lun('00013')]).toEqual(['0002', '0003', '0001']);
});

test('a view is created as the Cinder driver does it, listed by its parts, and deleted', async () => {
  await start();
  await site.call('POST', site.sloprovisioning('/storagegroup'), { srpId: 'None', storageGroupId: 'sg1' });
  await site.call('PUT', site.sloprovisioning('/storagegroup/sg1'), {
    editStorageGroupActionParam: { expandStorageGroupParam: { addSpecificVolumeParam: { volumeId: ['00003'] } } },
  });
  const job = await site.call(
    'POST',
    site.sloprovisioning('/maskingview'),
    fixture('maskingview-create-existing-request'),
    202,
  );
  await until(
    () => site.get(site.system(`/job/${String(job.jobId)}`)),
    ({ status }) => status === 'SUCCEEDED',
  );

  const body = await site.get(site.sloprovisioning('/maskingview/mv1'));
  expect(Object.keys(body).sort()).toEqual(Object.keys(fixture('maskingview-get')).sort());
  const list = async (query: string) => (await site.get(site.sloprovisioning(`/maskingview?${query}`))).maskingViewId;
  expect(await list('host_or_host_group_name=proxy1&port_group_name=pg1')).toEqual(['mv-proxy', 'mv1']);
  expect(await list('storage_group_name=sg1')).toEqual(['mv1']);
  expect(await list('protocol_endpoint_masking_view=true')).toEqual(['mv-pe']);
  expect(await site.refused('POST', site.sloprovisioning('/maskingview'), view('MV1', 'sg1'), 409)).toBe(
    'The requested masking view resource already exists',
  );
  await site.call('DELETE', site.sloprovisioning('/maskingview/mv1'), undefined, 204);
  expect((await site.send({ path: site.sloprovisioning('/maskingview/mv1') })).status).toBe(404);
});

test('a view can make its host and port group on the way', async () => {
  await start();
  const text = JSON.stringify(fixture('maskingview-create-request')).replace('sg_finance', 'prod');
  await site.call('POST', site.sloprovisioning('/maskingview'), JSON.parse(text));
  expect((await site.get(site.sloprovisioning('/host/host_finance'))).initiator).toEqual(['1099999384333342']);
  expect(await site.get(site.sloprovisioning('/portgroup/pg_finance'))).toMatchObject({ num_of_ports: 0 });
});

test('a host that sees a device already gets no second view of it, and nothing else was changed', async () => {
  await start();
  const body = view('again', 'pool');
  const text = await site.refused('POST', site.sloprovisioning('/maskingview'), body, 500);
  expect(text).toMatch(/device already masked within a view/);
  const other = { useExistingHostParam: { hostId: 'esx1' } };
  await site.call('POST', site.sloprovisioning('/maskingview'), view('esx-too', 'pool', other));
});

test('a view needs parts that exist and devices', async () => {
  await start();
  await site.call('POST', site.sloprovisioning('/storagegroup'), { srpId: 'none', storageGroupId: 'empty' });
  expect(await site.refused('POST', site.sloprovisioning('/maskingview'), view('v', 'empty'), 500)).toMatch(
    /cannot be empty/,
  );
  expect(await site.refused('POST', site.sloprovisioning('/maskingview'), view('v', 'nowhere'), 404)).toMatch(
    /cannot be found/,
  );
  const nobody = { useExistingHostParam: { hostId: 'nobody' } };
  await site.refused('POST', site.sloprovisioning('/maskingview'), view('v', 'prod', nobody), 404);
});

test('two masking changes at the same time: the second is told that one is in progress', async () => {
  await start({ knobs: { writeMs: 20_000 }, pace: 0.01 });
  const first = addToPool('00003');
  await until(
    () => site.get(site.system(`/symmetrix/${ARRAY}?include_lock_info=true`)),
    ({ lockInfo }) => Array.isArray(lockInfo) && lockInfo.length > 0,
  );
  const text = await site.refused(
    'PUT',
    site.sloprovisioning('/storagegroup/pool'),
    { editStorageGroupActionParam: { removeVolumeParam: { volumeId: ['00011'] } } },
    500,
  );
  await first;
  expect(text).toMatch(/auto provisioning operation is already in progress/);
});

test('hosts, initiators and port groups answer in the published shapes', async () => {
  await start();
  const same = (body: Json, sample: Json, except: readonly string[] = []) => {
    for (const [key, value] of Object.entries(sample))
      if (!except.includes(key)) expect([key, typeof body[key]]).toEqual([key, typeof value]);
  };
  same(await site.get(site.sloprovisioning('/host/proxy1')), fixture('host-get'));
  const initiators = async (query: string) => (await site.get(site.sloprovisioning(`/initiator?${query}`))).initiatorId;
  expect(await initiators('initiator_hba=10000090faa02c20&in_a_host=true')).toEqual(['FA-1D:5:10000090faa02c20']);
  expect(await initiators('in_a_host=false')).toEqual(['SE-1E:000:iqn.1994-05.com.redhat:proxy']);

  const fibre = await site.get(site.sloprovisioning('/initiator/FA-1D:5:10000090faa02c20'));
  same(fibre, fixture('initiator-get'), ['fcid', 'fcid_lockdown', 'fabric_name']);
  expect(fibre).toMatchObject({ host: 'proxy1', maskingview: ['mv-proxy'], num_of_vols: 2 });
  expect((await site.send({ path: site.sloprovisioning('/initiator/10000090faa02c20') })).status).toBe(404);
  expect(await site.get(site.sloprovisioning('/initiator/iqn.1994-05.com.redhat:proxy'))).toMatchObject({
    type: 'iSCSI',
  });

  const ports = await site.get(site.sloprovisioning('/portgroup/pg1'));
  same(ports, fixture('portgroup-get'));
  expect('port_group_protocol' in ports).toBe(false);
  expect(await site.get(site.sloprovisioning('/hostgroup/cluster'))).toMatchObject({
    num_of_hosts: 2,
    maskingview: ['mv-esx', 'mv-pe'],
  });
});

test('only V4 arrays tell the protocol of a port group', async () => {
  await start({ microcode: '6079.225.0' });
  expect(await site.get(site.sloprovisioning('/portgroup/pg1'))).toMatchObject({ port_group_protocol: 'SCSI_FC' });
});

test('an initiator belongs to one host, and what a view uses is not deleted', async () => {
  await start();
  const body = { hostId: 'second', initiatorId: ['10000090faa02c20'] };
  expect(await site.refused('POST', site.sloprovisioning('/host'), body, 500)).toMatch(
    /is already in use in another Initiator Group/,
  );
  await site.refused('DELETE', site.sloprovisioning('/host/proxy1'), undefined, 500);
  await site.refused('DELETE', site.sloprovisioning('/hostgroup/cluster'), undefined, 500);
  await site.refused('DELETE', site.sloprovisioning('/portgroup/pg1'), undefined, 500);
  await site.call('POST', site.sloprovisioning('/host'), {
    hostId: 'third',
    initiatorId: ['iqn.1994-05.com.redhat:proxy'],
  });
  await site.call('DELETE', site.sloprovisioning('/host/third'), undefined, 204);
});
