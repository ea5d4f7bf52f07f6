import { childOf } from '../../../src/platform/xml.ts';
import { closeLabs, startLab } from './lab-vcenter.ts';
import { COLLECTOR, propertiesOf, textAt, xsiType } from './raw-soap.ts';

afterAll(closeLabs);

const ROOT_NAME =
  '<propSet><type>Folder</type><pathSet>name</pathSet></propSet><objectSet><obj type="Folder">group-d1</obj></objectSet>';

test('elements are understood in the default name space and with a prefix', async () => {
  const soap = await (await startLab()).admin();
  for (const prefix of ['', 'vim25:'] as const) {
    soap.prefix = prefix;
    const answer = await soap.retrieve(ROOT_NAME);
    expect(textAt(answer.returnval, 'objects', 'propSet', 'val')).toBe('Datacenters');
  }
  expect(
    (await soap.call('CurrentTime', '<_this type="ServiceInstance">ServiceInstance</_this>')).returnval?.text,
  ).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
});

test('answers use the prefix xsi and declare urn:vim25 as the default name space', async () => {
  const soap = await (await startLab()).admin();
  const { text, headers } = await soap.retrieve(ROOT_NAME);
  expect(text).toContain('<RetrievePropertiesExResponse xmlns="urn:vim25">');
  expect(text).toContain('<val xsi:type="xsd:string">Datacenters</val>');
  expect(headers['content-type']).toBe('text/xml; charset=utf-8');
});

describe('a request whose elements are not in the declared order', () => {
  const cases: readonly (readonly [string, string, string, RegExp])[] = [
    [
      'late property of a data object',
      'RetrievePropertiesEx',
      `${COLLECTOR}<specSet><objectSet><obj type="Folder">group-d1</obj></objectSet><propSet><type>Folder</type></propSet></specSet><options/>`,
      /Unexpected element tag "propSet" seen while parsing serialized DataObject of type vmodl\.query\.PropertyCollector\.FilterSpec/,
    ],
    [
      'late property of the base type',
      'RetrievePropertiesEx',
      `${COLLECTOR}<specSet><propSet><type>Folder</type></propSet><objectSet><obj type="Folder">group-d1</obj><selectSet xsi:type="TraversalSpec"><type>Folder</type><path>childEntity</path><name>late</name></selectSet></objectSet></specSet><options/>`,
      /Unexpected element tag "name" seen while parsing serialized DataObject of type vmodl\.query\.PropertyCollector\.TraversalSpec/,
    ],
    [
      'late parameter',
      'FindByUuid',
      '<_this type="SearchIndex">SearchIndex</_this><vmSearch>true</vmSearch><uuid>x</uuid>',
      /Unexpected element tag "uuid"[\s\S]*method FindByUuid/,
    ],
    [
      'unknown property',
      'RetrievePropertiesEx',
      `${COLLECTOR}<specSet><propSet><type>Folder</type><nonsense>1</nonsense></propSet><objectSet><obj type="Folder">group-d1</obj></objectSet></specSet><options/>`,
      /Unexpected element tag "nonsense" seen while parsing serialized DataObject of type vmodl\.query\.PropertyCollector\.PropertySpec/,
    ],
    [
      'repeated property that is no array',
      'RetrievePropertiesEx',
      `${COLLECTOR}<specSet><propSet><type>Folder</type><all>true</all><all>true</all></propSet><objectSet><obj type="Folder">group-d1</obj></objectSet></specSet><options/>`,
      /Unexpected element tag "all"/,
    ],
    [
      'missing required property',
      'RetrievePropertiesEx',
      `${COLLECTOR}<specSet><propSet><type>Folder</type></propSet><objectSet><skip>false</skip></objectSet></specSet><options/>`,
      /Required property obj is missing from data object of type ObjectSpec/,
    ],
    [
      'missing required parameter',
      'RetrievePropertiesEx',
      `${COLLECTOR}<specSet>${ROOT_NAME}</specSet>`,
      /Missing value for parameter options of method RetrievePropertiesEx/,
    ],
    [
      'unknown xsi:type',
      'RetrievePropertiesEx',
      `${COLLECTOR}<specSet><propSet><type>Folder</type></propSet><objectSet><obj type="Folder">group-d1</obj><selectSet xsi:type="Nonsense"/></objectSet></specSet><options/>`,
      /Error processing attribute "type" with value "Nonsense"/,
    ],
    [
      'xsi:type of another family',
      'RetrievePropertiesEx',
      `${COLLECTOR}<specSet><propSet><type>Folder</type></propSet><objectSet><obj type="Folder">group-d1</obj><selectSet xsi:type="VirtualDisk"/></objectSet></specSet><options/>`,
      /Error processing attribute "type" with value "VirtualDisk"/,
    ],
    [
      'text where a number is due',
      'RetrievePropertiesEx',
      `${COLLECTOR}<specSet>${ROOT_NAME}</specSet><options><maxObjects>many</maxObjects></options>`,
      /Invalid value "many" for type xsd:int/,
    ],
    [
      'derived property without xsi:type',
      'RetrievePropertiesEx',
      `${COLLECTOR}<specSet><propSet><type>Folder</type></propSet><objectSet><obj type="Folder">group-d1</obj><selectSet><name>x</name><type>Folder</type></selectSet></objectSet></specSet><options/>`,
      /Unexpected element tag "type" seen while parsing serialized DataObject of type vmodl\.query\.PropertyCollector\.SelectionSpec/,
    ],
  ];
  test.each(cases)('is InvalidRequest: %s', async (_name, operation, content, message) => {
    const soap = await (await startLab()).admin();
    const answer = await soap.call(operation, content);
    expect(answer.status).toBe(500);
    expect(answer.fault).toMatchObject({ code: 'ServerFaultCode', type: 'InvalidRequest' });
    expect(answer.fault?.message).toMatch(message);
    expect(answer.fault?.detail?.name).toBe('InvalidRequestFault');
  });
});

test('elements outside urn:vim25 are refused', async () => {
  const soap = await (await startLab()).admin();
  const answer = await soap.call(
    'FindByUuid',
    '<_this type="SearchIndex">SearchIndex</_this><uuid xmlns="">x</uuid><vmSearch>true</vmSearch>',
  );
  expect(answer.fault?.message).toContain('Unexpected element tag "uuid"');
});

test('malformed XML, a second call in the body and a body without _this are faults, not broken connections', async () => {
  const soap = await (await startLab()).admin();
  for (const envelope of [
    '<?xml version="1.0"?><nonsense',
    '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body/></e:Envelope>',
    '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><Logout xmlns="urn:vim25"/></e:Body></e:Envelope>',
  ]) {
    expect((await soap.send(envelope)).fault?.type).toBe('InvalidRequest');
  }
});

test('an operation on an object that does not have it is MethodNotFound, on one that is gone ManagedObjectNotFound', async () => {
  const soap = await (await startLab()).admin();
  const wrong = await soap.call('PowerOnVM_Task', '<_this type="Folder">group-d1</_this>');
  const gone = await soap.call('PowerOnVM_Task', '<_this type="VirtualMachine">vm-9999</_this>');
  const otherType = await soap.call('PowerOnVM_Task', '<_this type="VirtualMachine">group-d1</_this>');
  expect(wrong.fault?.type).toBe('MethodNotFound');
  expect(textAt(wrong.fault?.detail, 'method')).toBe('PowerOnVM_Task');
  expect(gone.fault?.type).toBe('ManagedObjectNotFound');
  expect(gone.fault?.message).toContain("'vim.VirtualMachine:vm-9999'");
  expect(otherType.fault?.type).toBe('ManagedObjectNotFound');
});

test('what is not simulated is refused as unknown and logged as unserved', async () => {
  const lab = await startLab();
  const soap = await lab.admin();
  const operation = await soap.call('QueryPerf', '<_this type="PerformanceManager">PerfMgr</_this>');
  const property = await soap.retrieve(
    '<propSet><type>VirtualMachine</type><pathSet>capability</pathSet></propSet><objectSet><obj type="VirtualMachine">vm-101</obj></objectSet>',
  );
  const wsdl = await soap.http('GET', '/sdk/vimService.wsdl');
  expect(operation.fault).toMatchObject({
    type: 'InvalidRequest',
    message: 'Unable to resolve WSDL method name QueryPerf in vim.version.v8_0_3_0',
  });
  expect(property.fault?.type).toBe('InvalidProperty');
  expect(wsdl.status).toBe(404);
  expect(lab.events.events.filter((event) => event.kind === 'unserved').map((event) => event.operation)).toEqual([
    'QueryPerf',
    'RetrievePropertiesEx',
    'GET /sdk/vimService.wsdl',
  ]);
});

test('the version list names the newest release and all prior ones', async () => {
  const lab = await startLab({ apiVersion: '7.0.3.0' });
  const { status, text } = await lab.client().http('GET', '/sdk/vimServiceVersions.xml');
  expect(status).toBe(200);
  expect(text).toMatch(
    /<name>urn:vim25<\/name>\s*<version>7\.0\.3\.0<\/version>\s*<priorVersions>\s*<version>7\.0\.2\.1</,
  );
  expect(text).not.toContain('8.0');
});

test('a SOAPAction newer than the server, or of no release, is refused', async () => {
  const lab = await startLab({ apiVersion: '7.0.3.0' });
  const soap = lab.client();
  for (const version of ['8.0.0.1', '99.9', 'nonsense']) {
    soap.version = version;
    expect((await soap.login()).fault).toMatchObject({
      code: 'VersionMismatchFaultCode',
      message: `Unsupported version URI "urn:vim25/${version}"`,
    });
  }
  soap.version = '7.0.3.0';
  expect((await soap.login()).status).toBe(200);
});

test('properties, parameters, types and operations newer than the SOAPAction do not exist for the client', async () => {
  const soap = await (await startLab()).admin();
  const config = async () => (await soap.properties('VirtualMachine', 'vm-101', 'config')).get('config');
  expect(textAt(await config(), 'vmStorageObjectId')).toContain('naa.');
  expect((await config())?.children.map((child) => child.name)).toContain('sevEnabled');

  soap.version = '6.7';
  const older = await config();
  expect(textAt(older, 'vmStorageObjectId')).toContain('naa.');
  expect(older?.children.map((child) => child.name)).not.toContain('sevEnabled');

  soap.version = '5.0';
  expect(textAt(await config(), 'vmStorageObjectId')).toBeUndefined();
  await expect(soap.properties('VirtualMachine', 'vm-101', 'config.vmStorageObjectId')).rejects.toThrow(
    'InvalidProperty',
  );

  soap.version = undefined;
  const withoutAction = await soap.retrieve(ROOT_NAME);
  expect(withoutAction.fault?.message).toContain('Unable to resolve WSDL method name RetrievePropertiesEx');
  const oldParameter = await soap.call(
    'FindByUuid',
    '<_this type="SearchIndex">SearchIndex</_this><uuid>x</uuid><vmSearch>true</vmSearch><instanceUuid>true</instanceUuid>',
  );
  expect(oldParameter.fault?.message).toContain('Unexpected element tag "instanceUuid"');
});

test('a type newer than the client is shown as the nearest base it knows', async () => {
  const soap = await (await startLab()).admin();
  soap.version = '5.5';
  const info = (await soap.properties('Datastore', 'datastore-14', 'info')).get('info');
  expect(xsiType(info)).toBe('DatastoreInfo');
  soap.version = '6.0';
  expect(xsiType((await soap.properties('Datastore', 'datastore-14', 'info')).get('info'))).toBe('VvolDatastoreInfo');
});

test('values carry their xsi:type, references their type, arrays the name of their element', async () => {
  const soap = await (await startLab()).admin();
  const answer = await soap.retrieve(
    '<propSet><type>VirtualMachine</type><pathSet>name</pathSet><pathSet>runtime.host</pathSet><pathSet>datastore</pathSet>' +
      '<pathSet>config.hardware.device</pathSet><pathSet>config.template</pathSet><pathSet>config.hardware.numCPU</pathSet>' +
      '<pathSet>config.modified</pathSet><pathSet>runtime.powerState</pathSet><pathSet>disabledMethod</pathSet></propSet>' +
      '<objectSet><obj type="VirtualMachine">vm-101</obj></objectSet>',
  );
  const found = propertiesOf(childOf(answer.returnval, 'objects'));
  expect(xsiType(found.get('name'))).toBe('xsd:string');
  expect(xsiType(found.get('config.template'))).toBe('xsd:boolean');
  expect(xsiType(found.get('config.hardware.numCPU'))).toBe('xsd:int');
  expect(xsiType(found.get('config.modified'))).toBe('xsd:dateTime');
  expect(xsiType(found.get('runtime.powerState'))).toBe('VirtualMachinePowerState');
  expect(xsiType(found.get('disabledMethod'))).toBe('ArrayOfString');
  expect(answer.text).toContain('<val type="HostSystem" xsi:type="ManagedObjectReference">host-');
  expect(answer.text).toContain(
    '<val xsi:type="ArrayOfManagedObjectReference"><ManagedObjectReference type="Datastore" xsi:type="ManagedObjectReference">datastore-14<',
  );
  const devices = found.get('config.hardware.device');
  expect(xsiType(devices)).toBe('ArrayOfVirtualDevice');
  expect(devices?.children.every((device) => device.name === 'VirtualDevice')).toBe(true);
  expect(devices?.children.map(xsiType)).toContain('ParaVirtualSCSIController');
});

test('operationID and vcSessionCookie headers are tolerated', async () => {
  const soap = await (await startLab()).admin();
  const answer = await soap.call(
    'CurrentTime',
    '<_this type="ServiceInstance">ServiceInstance</_this>',
    '<e:Header><operationID xmlns="urn:vim25">snaphook-1</operationID><vcSessionCookie xmlns="">x</vcSessionCookie></e:Header>',
  );
  expect(answer.status).toBe(200);
});

test('fault rules see the operation and the VM it is about', async () => {
  const lab = await startLab();
  const soap = await lab.admin();
  lab.faults.add({
    system: 'vcenter',
    operation: 'PowerOffVM_Task',
    object: 'rdm01',
    when: 'before',
    action: { do: 'answer', status: 503, body: 'down' },
  });
  expect((await soap.call('PowerOffVM_Task', '<_this type="VirtualMachine">vm-102</_this>')).status).toBe(503);
  expect((await soap.call('PowerOffVM_Task', '<_this type="VirtualMachine">vm-101</_this>')).status).toBe(200);
});
