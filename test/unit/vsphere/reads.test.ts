import { childrenOf, descend, parseXml } from '../../../src/platform/xml.ts';
import type { UnreadableVm } from '../../../src/ports/hypervisor.ts';
import { instanceUuid, moRef } from '../../../src/ports/identity.ts';
import { QUIET_VM } from '../../contract/quiet-conditions.ts';
import { ok, type ScriptedVcenter, startScriptedVcenter } from './scripted-vcenter.ts';
import { answerOf, faultOf } from './soap-answers.ts';

const signal = new AbortController().signal;
const UUID = (nth: number): string => `50000000-0000-4000-8000-${String(nth).padStart(12, '0')}`;
let server: ScriptedVcenter;

afterEach(async () => {
  await server.close();
});

type Properties = Readonly<Record<string, string>>;

const text = (value: string): string => `<val xsi:type="xsd:string">${value}</val>`;

const object = (type: string, id: string, properties: Properties, missing = ''): string =>
  `<objects><obj type="${type}">${id}</obj>${Object.entries(properties)
    .map(([name, val]) => `<propSet><name>${name}</name>${val}</propSet>`)
    .join('')}${missing}</objects>`;

const missingSet = (path: string, fault: string): string =>
  `<missingSet><path>${path}</path><fault><fault xsi:type="${fault}"><object type="VirtualMachine">vm-1</object>
<privilegeId>System.Read</privilegeId></fault><localizedMessage>denied</localizedMessage></fault></missingSet>`;

const vm = (nth: number, changes: Properties = {}): Properties => ({
  name: text(`vm ${nth}`),
  'config.instanceUuid': text(UUID(nth)),
  'config.hardware.device': '<val xsi:type="ArrayOfVirtualDevice"/>',
  'config.template': '<val xsi:type="xsd:boolean">false</val>',
  'runtime.powerState': '<val xsi:type="VirtualMachinePowerState">poweredOn</val>',
  'runtime.connectionState': '<val xsi:type="VirtualMachineConnectionState">connected</val>',
  ...changes,
});

/** Answers reads in turn, each with these objects. */
const pages = (...bodies: readonly string[]) => {
  let next = 0;
  return (operation: 'RetrievePropertiesEx' | 'ContinueRetrievePropertiesEx') => () => {
    const body = bodies[next] ?? '';
    next += 1;
    return ok(answerOf(operation, body === '' ? '' : `<returnval>${body}</returnval>`));
  };
};

async function start(...bodies: readonly string[]) {
  const turn = pages(...bodies);
  server = await startScriptedVcenter({
    RetrievePropertiesEx: turn('RetrievePropertiesEx'),
    ContinueRetrievePropertiesEx: turn('ContinueRetrievePropertiesEx'),
    FindByUuid: () => ok(answerOf('FindByUuid', '<returnval type="VirtualMachine">vm-1</returnval>')),
    FindByInventoryPath: () => ok(answerOf('FindByInventoryPath', '<returnval type="Folder">group-v3</returnval>')),
  });
  return server.connect({ pageSize: 2 });
}

const one = async (vsphere: Awaited<ReturnType<typeof start>>) =>
  await vsphere.findVms([{ by: 'moRef', moRef: moRef('vm-1') }], signal);

test('pages are followed until no token comes, and the token "0" is one', async () => {
  const name = (nth: number, id: string) => object('VirtualMachine', id, { name: text(`vm ${nth}`) });
  const vsphere = await start(
    `<token>0</token>${name(1, 'vm-1')}${name(2, 'vm-2')}`,
    `<token>1</token>${name(1, 'vm-3')}`,
    name(4, 'vm-4'),
    `${object('VirtualMachine', 'vm-1', vm(1))}${object('VirtualMachine', 'vm-3', vm(3))}`,
  );
  const [found] = await vsphere.findVms([{ by: 'name', name: 'vm 1' }], signal);
  await vsphere.close();
  expect(found?.map((record) => record.moRef)).toEqual(['vm-1', 'vm-3']);
  const continued = server.requests.filter(({ operation }) => operation === 'ContinueRetrievePropertiesEx');
  const tokens = continued.map(
    ({ request }) =>
      descend(parseXml(request.body.toString('utf8')), 'Body', 'ContinueRetrievePropertiesEx', 'token')?.text,
  );
  expect(tokens).toEqual(['0', '1']);
});

test('names with escaped characters are shown unescaped, and found as shown or as stored', async () => {
  const stored = { name: text('web%2f01 100%25 a%5cb') };
  const shown = 'web/01 100% a\\b';
  const vsphere = await start(
    object('VirtualMachine', 'vm-1', stored),
    object('VirtualMachine', 'vm-1', vm(1, stored)),
  );
  const found = await vsphere.findVms(
    [
      { by: 'name', name: shown },
      { by: 'name', name: 'web%2f01 100%25 a%5cb' },
      { by: 'name', name: 'web%2F01 100%' },
    ],
    signal,
  );
  await vsphere.close();
  expect(found.map((records) => records.map((record) => record.name))).toEqual([[shown], [shown], []]);
});

test('a few UUIDs are looked up singly, many in one sweep: the number of calls does not follow the number of VMs', async () => {
  const selectors = (count: number) =>
    Array.from({ length: count }, (_, nth) => ({ by: 'instanceUuid' as const, uuid: instanceUuid(UUID(nth)) }));
  const vsphere = await start('', '', '');
  await vsphere.findVms(selectors(3), signal);
  expect(server.operations().filter((operation) => operation === 'FindByUuid')).toHaveLength(3);
  await vsphere.findVms(selectors(200), signal);
  await vsphere.close();
  expect(server.operations().filter((operation) => operation === 'FindByUuid')).toHaveLength(3);
});

test('an inventory path that leads to a folder matches no VM, and no read is made for it', async () => {
  const vsphere = await start();
  expect(await vsphere.findVms([{ by: 'path', inventoryPath: '/DC/vm/' }], signal)).toEqual([[]]);
  await vsphere.close();
  const [found] = server.requests.filter(({ operation }) => operation === 'FindByInventoryPath');
  const body = parseXml(found?.request.body.toString('utf8') ?? '');
  expect(descend(body, 'Body', 'FindByInventoryPath', 'inventoryPath')?.text).toBe('DC/vm');
  expect(server.operations()).not.toContain('RetrievePropertiesEx');
});

test('the state of a VM, its guest and a template flag are read; what VMware Tools do not tell is undefined', async () => {
  const vsphere = await start(
    `${object(
      'VirtualMachine',
      'vm-1',
      vm(1, {
        'guest.hostName': text('db01'),
        'guest.ipAddress': text(''),
        'guest.guestFamily': text('linuxGuest'),
        'runtime.powerState': '<val xsi:type="VirtualMachinePowerState">suspended</val>',
        'config.template': '<val xsi:type="xsd:boolean">true</val>',
      }),
    )}`,
  );
  expect((await one(vsphere))[0]).toEqual([
    {
      instanceUuid: UUID(1),
      moRef: 'vm-1',
      name: 'vm 1',
      poweredOn: false,
      template: true,
      connected: true,
      guestHostName: 'db01',
      guestAddress: undefined,
      guestFamily: 'linuxGuest',
      disks: [],
      condition: { ...QUIET_VM, suspended: true, toolsRunning: false },
    },
  ]);
  await vsphere.close();
});

test('an inaccessible VM whose identity the summary still knows is returned as not connected', async () => {
  const vsphere = await start(
    object('VirtualMachine', 'vm-1', {
      name: text('lost'),
      'summary.config.instanceUuid': text(UUID(1)),
      'runtime.connectionState': '<val xsi:type="VirtualMachineConnectionState">inaccessible</val>',
    }),
  );
  expect((await one(vsphere))[0]).toMatchObject([{ instanceUuid: UUID(1), connected: false, disks: [] }]);
  await vsphere.close();
});

test.each([
  ['an orphaned VM without any identity', { name: text('lost'), 'runtime.connectionState': text('orphaned') }],
  [
    'a connected VM that shows no devices',
    { name: text('lost'), 'config.instanceUuid': text(UUID(1)), 'runtime.connectionState': text('connected') },
  ],
])('%s is an error naming it: no disks must not look like nothing to capture', async (_what, properties) => {
  const vsphere = await start(object('VirtualMachine', 'vm-1', properties));
  await expect(one(vsphere)).rejects.toMatchObject({
    code: 'E_VCENTER',
    message: expect.stringContaining('"lost" (vm-1)'),
  });
  await vsphere.close();
});

test('a property that the account may not read is missing rights, with privilege and object', async () => {
  const denied = missingSet('config.hardware.device', 'NoPermission');
  const vsphere = await start(object('VirtualMachine', 'vm-1', { name: text('x') }, denied));
  await expect(one(vsphere)).rejects.toMatchObject({
    code: 'E_VCENTER_RIGHTS',
    message: expect.stringMatching(/"System\.Read".*VirtualMachine "vm-1"/),
  });
  await vsphere.close();
});

describe('a VM that cannot be read', () => {
  const denied = missingSet('config.hardware.device', 'NoPermission');
  const onDatastore =
    '<val xsi:type="ArrayOfVirtualDevice"><VirtualDevice xsi:type="VirtualDisk"><key>2000</key>' +
    '<backing xsi:type="VirtualDiskFlatVer2BackingInfo"><datastore type="Datastore">ds-1</datastore></backing></VirtualDevice></val>';
  const names = [1, 2, 3].map((nth) => object('VirtualMachine', `vm-${nth}`, { name: text(`vm ${nth}`) })).join('');
  const records = [
    object('VirtualMachine', 'vm-1', { name: text('vm 1') }, denied),
    object('VirtualMachine', 'vm-2', vm(2)),
    object('VirtualMachine', 'vm-3', vm(3, { 'config.hardware.device': onDatastore })),
    object('Datastore', 'ds-1', {}, missingSet('info', 'NoPermission')),
  ].join('');
  const everyVm = { by: 'pattern', pattern: 'vm *' } as const;

  test('does not keep the others from being found: it is told, with what is missing', async () => {
    const vsphere = await start(names, records);
    const left: UnreadableVm[] = [];
    const [found] = await vsphere.findVms([everyVm], signal, [], (one) => void left.push(one));
    await vsphere.close();
    expect(found?.map(({ name }) => name)).toEqual(['vm 2']);
    expect(left.map(({ name, selectors, error }) => [name, selectors, error.code])).toEqual([
      ['vm 1', [0], 'E_VCENTER_RIGHTS'],
      ['vm 3', [0], 'E_VCENTER_RIGHTS'],
    ]);
  });

  test.each([
    ['nobody takes it', [everyVm], false],
    ['it is meant', [everyVm, { by: 'name', name: 'vm 3' }], true],
  ] as const)('is an error where %s', async (_why, selectors, isTaken) => {
    const vsphere = await start(names, records);
    const leaveOut = isTaken ? () => undefined : undefined;
    await expect(vsphere.findVms(selectors, signal, [], leaveOut)).rejects.toMatchObject({ code: 'E_VCENTER_RIGHTS' });
    await vsphere.close();
  });
});

test('a property missing because nobody is logged in, or a view that is gone, makes the client log in again', async () => {
  const gone = (type: string, detail: string) => ({ status: 500, body: faultOf(type, type, detail) });
  const first = [
    ok(
      answerOf(
        'RetrievePropertiesEx',
        `<returnval>${object('VirtualMachine', 'vm-1', {}, missingSet('name', 'NotAuthenticated'))}</returnval>`,
      ),
    ),
    gone('ManagedObjectNotFound', '<obj type="ContainerView">session[1]2</obj>'),
  ];
  for (const lost of first) {
    server = await startScriptedVcenter({
      RetrievePropertiesEx: (_request, nth) => (nth === 1 ? lost : ok(answerOf('RetrievePropertiesEx', ''))),
    });
    const vsphere = server.connect();
    expect(await vsphere.findVms([{ by: 'name', name: 'x' }], signal)).toEqual([[]]);
    await vsphere.close();
    expect(server.operations().filter((operation) => operation === 'Login')).toHaveLength(2);
    await server.close();
  }
});

test('a property set without value, as some servers send on later pages, counts as not set', async () => {
  const empty = '<propSet><name>guest.hostName</name></propSet>';
  const vsphere = await start(object('VirtualMachine', 'vm-1', vm(1), empty));
  expect((await one(vsphere))[0]).toMatchObject([{ guestHostName: undefined }]);
  await vsphere.close();
});

const rawDevice = `<val xsi:type="ArrayOfVirtualDevice"><VirtualDevice xsi:type="VirtualDisk"><key>2000</key>
<backing xsi:type="VirtualDiskRawDiskMappingVer1BackingInfo"><fileName>f</fileName><lunUuid>02aa</lunUuid>
<compatibilityMode>virtualMode</compatibilityMode></backing><capacityInKB>1</capacityInKB></VirtualDevice></val>`;
const onHost = (id: string): string => `<val xsi:type="ManagedObjectReference" type="HostSystem">${id}</val>`;

test('raw devices of many VMs cost one more call, and each VM is mapped by its own host', async () => {
  const luns = (name: string) =>
    `<val xsi:type="ArrayOfScsiLun"><ScsiLun xsi:type="HostScsiDisk"><canonicalName>${name}</canonicalName><uuid>02aa</uuid></ScsiLun></val>`;
  const vsphere = await start(
    [1, 2]
      .map((nth) =>
        object(
          'VirtualMachine',
          `vm-${nth}`,
          vm(nth, { 'config.hardware.device': rawDevice, 'runtime.host': onHost(`host-${nth}`) }),
        ),
      )
      .join(''),
    [1, 2]
      .map((nth) => object('HostSystem', `host-${nth}`, { 'config.storageDevice.scsiLun': luns(`naa.host${nth}`) }))
      .join(''),
  );
  const found = await vsphere.findVms(
    [1, 2].map((nth) => ({ by: 'moRef', moRef: moRef(`vm-${nth}`) })),
    signal,
  );
  await vsphere.close();
  expect(found.map(([record]) => record?.disks[0]?.backing)).toEqual([
    expect.objectContaining({ kind: 'rdm', canonicalName: 'naa.host1', compatibilityMode: 'virtual' }),
    expect.objectContaining({ kind: 'rdm', canonicalName: 'naa.host2', compatibilityMode: 'virtual' }),
  ]);
  const reads = server.requests.filter(({ operation }) => operation === 'RetrievePropertiesEx');
  expect(reads).toHaveLength(2);
  const hosts = parseXml(reads[1]?.request.body.toString('utf8') ?? '');
  const specSet = descend(hosts, 'Body', 'RetrievePropertiesEx', 'specSet');
  expect(childrenOf(specSet, 'objectSet')).toHaveLength(2);
});

const refs = (...ids: readonly string[]): string =>
  `<val xsi:type="ArrayOfManagedObjectReference">${ids
    .map((id) => `<ManagedObjectReference type="VirtualMachine">${id}</ManagedObjectReference>`)
    .join('')}</val>`;

const files = (...rows: readonly (readonly [name: string, type: string, size: number])[]): string =>
  `<val xsi:type="ArrayOfVirtualMachineFileLayoutExFileInfo">${rows
    .map(
      ([name, type, size], key) =>
        `<VirtualMachineFileLayoutExFileInfo><key>${key}</key><name>${name}</name><type>${type}</type><size>${size}</size></VirtualMachineFileLayoutExFileInfo>`,
    )
    .join('')}</val>`;

test('neighbours are listed for each datastore with the bytes of their files, those that may not be seen by their id', async () => {
  const vsphere = await start(
    object('Datastore', 'datastore-1', { name: text('d%2fs'), vm: refs('vm-1', 'vm-2') }) +
      object('VirtualMachine', 'vm-1', {
        name: text('a%2fb'),
        'config.instanceUuid': text(UUID(1)),
        'runtime.powerState': text('poweredOn'),
        'layoutEx.file': files(
          ['[d/s] a/a.vmx', 'config', 3],
          ['[d/s] a/a-flat.vmdk', 'diskExtent', 1000],
          ['[d/s] a/a-swap.vswp', 'swap', 5000],
          ['[d/s] a/b-rdmp.vmdk', 'diskExtent', 7000],
          ['[other] a/c-flat.vmdk', 'diskExtent', 9000],
        ),
      }) +
      object('VirtualMachine', 'vm-2', {}, missingSet('name', 'NoPermission')) +
      object('Datastore', 'datastore-2', { name: text('iso'), vm: refs('vm-1') }) +
      object('Datastore', 'datastore-3', { vm: refs() }) +
      object('Datastore', 'datastore-4', {}),
    object('VirtualMachine', 'vm-1', hardware('[other] a/a.vmx', device('VirtualCdrom', 'datastore-2'))),
  );
  const datastores = [1, 2, 3, 4].map((nth) => moRef(`datastore-${nth}`));
  expect(await vsphere.vmsOnDatastores(datastores, signal)).toEqual([
    { datastoreRef: 'datastore-1', instanceUuid: UUID(1), name: 'a/b', poweredOn: true, bytes: 1003 },
    { datastoreRef: 'datastore-1', instanceUuid: undefined, name: 'vm-2', poweredOn: undefined, bytes: undefined },
    { datastoreRef: 'datastore-2', instanceUuid: UUID(1), name: 'a/b', poweredOn: true, bytes: 0 },
  ]);
  expect(await vsphere.vmsOnDatastores([], signal)).toEqual([]);
  await vsphere.close();
});

const device = (type: string, datastore: string, parent = ''): string =>
  `<VirtualDevice xsi:type="${type}"><key>1</key><backing xsi:type="x"><datastore type="Datastore">${datastore}</datastore>${parent}</backing></VirtualDevice>`;

const hardware = (home: string, ...devices: readonly string[]): Properties => ({
  'config.files.vmPathName': text(home),
  'config.hardware.device': `<val xsi:type="ArrayOfVirtualDevice">${devices.join('')}</val>`,
});

test('paths that vCenter kept from before a rename or a move hide nobody: only swap or an image alone makes no neighbour', async () => {
  const stale = files(['[before] a/a-flat.vmdk', 'diskExtent', 1000]);
  const swapHere = files(['[ds] a/a.vswp', 'swap', 1000]);
  const image = device('VirtualCdrom', 'datastore-1');
  const disk = device('VirtualDisk', 'datastore-1');
  const chained = device(
    'VirtualDisk',
    'datastore-2',
    '<parent xsi:type="x"><datastore type="Datastore">datastore-1</datastore></parent>',
  );
  const cases: readonly (readonly [layout: string, hardware: Properties, bytes: number | undefined])[] = [
    [stale, hardware('[other] a/a.vmx', image), 0],
    [swapHere, hardware('[other] a/a.vmx', device('VirtualDisk', 'datastore-2')), 0],
    [stale, hardware('[other] a/a.vmx', image, disk), undefined],
    [swapHere, hardware('[other] a/a.vmx', chained), undefined],
    [stale, hardware('[ds] a/a.vmx', image), undefined],
    [stale, hardware('[other] a/a.vmx'), undefined],
    [files(), hardware('[other] a/a.vmx', disk), undefined],
    [stale, {}, undefined],
  ];
  const vms = cases.map((_, nth) => `vm-${nth + 1}`);
  const vsphere = await start(
    object('Datastore', 'datastore-1', { name: text('ds'), vm: refs(...vms) }) +
      cases.map(([layout], nth) => object('VirtualMachine', `vm-${nth + 1}`, { 'layoutEx.file': layout })).join(''),
    cases.map(([, properties], nth) => object('VirtualMachine', `vm-${nth + 1}`, properties)).join(''),
  );
  const listed = await vsphere.vmsOnDatastores([moRef('datastore-1')], signal);
  expect(listed.map(({ name, bytes }) => [name, bytes])).toEqual(cases.map(([, , bytes], nth) => [vms[nth], bytes]));
  await vsphere.close();
});

test('a datastore whose VMs cannot be told is an error, never an empty list', async () => {
  const denied = await start(object('Datastore', 'datastore-1', {}, missingSet('vm', 'NoPermission')));
  await expect(denied.vmsOnDatastores([moRef('datastore-1')], signal)).rejects.toMatchObject({
    code: 'E_VCENTER_RIGHTS',
  });
  await denied.close();
  await server.close();
  const silent = await start('');
  await expect(silent.vmsOnDatastores([moRef('datastore-1')], signal)).rejects.toMatchObject({ code: 'E_VCENTER' });
  await silent.close();
});
