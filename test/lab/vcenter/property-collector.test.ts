import { childOf, childrenOf } from '../../../src/platform/xml.ts';
import { closeLabs, startLab, type TestLab } from './lab-vcenter.ts';
import { COLLECTOR, propertiesOf, type RawSoap, type SoapAnswer, textAt, xsiType } from './raw-soap.ts';
import { manyVms } from './sample-inventory.ts';

afterAll(closeLabs);

const VIEW_MANAGER = '<_this type="ViewManager">ViewManager</_this>';

/** A spec for the names of all VMs through a container view. */
async function allVmNames(soap: RawSoap): Promise<string> {
  const view = await soap.call(
    'CreateContainerView',
    `${VIEW_MANAGER}<container type="Folder">group-d1</container><type>VirtualMachine</type><recursive>true</recursive>`,
  );
  return (
    '<propSet><type>VirtualMachine</type><pathSet>name</pathSet></propSet>' +
    `<objectSet><obj type="ContainerView">${view.returnval?.text}</obj><skip>true</skip>` +
    '<selectSet xsi:type="TraversalSpec"><type>ContainerView</type><path>view</path></selectSet></objectSet>'
  );
}

const objects = (answer: SoapAnswer) => childrenOf(answer.returnval, 'objects');
const ids = (answer: SoapAnswer) => objects(answer).map((entry) => textAt(entry, 'obj'));

async function reader(lab: TestLab, name: string): Promise<RawSoap> {
  const soap = lab.client();
  await soap.login(`${name}@vsphere.local`);
  return soap;
}

describe('paging', () => {
  test('without maxObjects a page has 100 objects, the first token is "0", the last page has none', async () => {
    const soap = await (await startLab({}, manyVms(220))).admin();
    const first = await soap.retrieve(await allVmNames(soap));
    expect(objects(first)).toHaveLength(100);
    expect(textAt(first.returnval, 'token')).toBe('0');
    const second = await soap.call('ContinueRetrievePropertiesEx', `${COLLECTOR}<token>0</token>`);
    expect(objects(second)).toHaveLength(100);
    const third = await soap.call(
      'ContinueRetrievePropertiesEx',
      `${COLLECTOR}<token>${textAt(second.returnval, 'token')}</token>`,
    );
    expect(objects(third)).toHaveLength(25);
    expect(childOf(third.returnval, 'token')).toBeUndefined();
    expect(new Set([first, second, third].flatMap(ids)).size).toBe(225);
  });

  test('maxObjects sets the page size of all pages; zero and less are InvalidArgument', async () => {
    const soap = await (await startLab()).admin();
    const spec = await allVmNames(soap);
    const first = await soap.retrieve(spec, '<maxObjects>3</maxObjects>');
    expect(objects(first)).toHaveLength(3);
    const second = await soap.call('ContinueRetrievePropertiesEx', `${COLLECTOR}<token>0</token>`);
    expect(objects(second)).toHaveLength(2);
    for (const number of [0, -1]) {
      const { fault } = await soap.retrieve(spec, `<maxObjects>${number}</maxObjects>`);
      expect(fault?.type).toBe('InvalidArgument');
      expect(textAt(fault?.detail, 'invalidProperty')).toBe('options.maxObjects');
    }
  });

  test('a token is good once, ends with CancelRetrievePropertiesEx, and belongs to its session', async () => {
    const lab = await startLab();
    const soap = await lab.admin();
    const spec = await allVmNames(soap);
    await soap.retrieve(spec, '<maxObjects>1</maxObjects>');
    const other = await (await lab.admin()).call('ContinueRetrievePropertiesEx', `${COLLECTOR}<token>0</token>`);
    expect(other.fault?.type).toBe('InvalidArgument');
    expect((await soap.call('CancelRetrievePropertiesEx', `${COLLECTOR}<token>0</token>`)).status).toBe(200);
    const cancelled = await soap.call('ContinueRetrievePropertiesEx', `${COLLECTOR}<token>0</token>`);
    expect(textAt(cancelled.fault?.detail, 'invalidProperty')).toBe('token');
  });

  test('an object that vanishes between two pages is left out', async () => {
    const lab = await startLab();
    const soap = await lab.admin();
    await soap.retrieve(await allVmNames(soap), '<maxObjects>2</maxObjects>');
    lab.vcenter.removeVm('vm-104');
    const second = await soap.call('ContinueRetrievePropertiesEx', `${COLLECTOR}<token>0</token>`);
    expect(ids(second)).toEqual(['vm-103']);
    const third = await soap.call('ContinueRetrievePropertiesEx', `${COLLECTOR}<token>1</token>`);
    expect(ids(third)).toEqual(['vm-105']);
  });

  test('the deprecated RetrieveProperties answers everything at once', async () => {
    const soap = await (await startLab({}, manyVms(120))).admin();
    const answer = await soap.call('RetrieveProperties', `${COLLECTOR}<specSet>${await allVmNames(soap)}</specSet>`);
    expect(answer.returnvals).toHaveLength(125);
  });

  test('a selection that is empty is answered without returnval', async () => {
    const soap = await (await startLab()).admin();
    const answer = await soap.retrieve(
      '<propSet><type>Datastore</type><pathSet>name</pathSet></propSet><objectSet><obj type="Folder">group-d1</obj></objectSet>',
    );
    expect(answer.status).toBe(200);
    expect(answer.returnval).toBeUndefined();
  });
});

describe('traversal', () => {
  const named = (...list: readonly string[]) =>
    list.map((name) => `<selectSet><name>${name}</name></selectSet>`).join('');
  const step = (name: string, type: string, path: string, then = '') =>
    `<selectSet xsi:type="TraversalSpec"><name>${name}</name><type>${type}</type><path>${path}</path><skip>false</skip>${then}</selectSet>`;
  const FULL =
    step(
      'visitFolders',
      'Folder',
      'childEntity',
      named('visitFolders', 'dcToHf', 'dcToVmf', 'crToH', 'crToRp', 'HToVm', 'rpToVm'),
    ) +
    step('dcToVmf', 'Datacenter', 'vmFolder', named('visitFolders')) +
    step('dcToHf', 'Datacenter', 'hostFolder', named('visitFolders')) +
    step('crToH', 'ComputeResource', 'host') +
    step('crToRp', 'ComputeResource', 'resourcePool', named('rpToRp', 'rpToVm')) +
    step('rpToRp', 'ResourcePool', 'resourcePool', named('rpToRp', 'rpToVm')) +
    step('HToVm', 'HostSystem', 'vm', named('visitFolders')) +
    step('rpToVm', 'ResourcePool', 'vm');

  test('the full recursive traversal finds every VM, host and pool of all datacenters once', async () => {
    const soap = await (await startLab()).admin();
    const answer = await soap.retrieve(
      '<propSet><type>VirtualMachine</type></propSet><propSet><type>HostSystem</type></propSet><propSet><type>ResourcePool</type></propSet>' +
        `<objectSet><obj type="Folder">group-d1</obj><skip>false</skip>${FULL}</objectSet>`,
    );
    const kinds = objects(answer).map((entry) => childOf(entry, 'obj')?.attributes[0]?.value);
    const count = (kind: string) => kinds.filter((entry) => entry === kind).length;
    expect([count('VirtualMachine'), count('HostSystem'), count('ResourcePool')]).toEqual([5, 3, 3]);
  });

  test('one call reads a VM with its datastores and its host', async () => {
    const soap = await (await startLab()).admin();
    const answer = await soap.retrieve(
      '<propSet><type>VirtualMachine</type><pathSet>name</pathSet></propSet>' +
        '<propSet><type>Datastore</type><pathSet>summary.type</pathSet></propSet>' +
        '<propSet><type>HostSystem</type><pathSet>name</pathSet></propSet>' +
        '<objectSet><obj type="VirtualMachine">vm-101</obj><skip>false</skip>' +
        '<selectSet xsi:type="TraversalSpec"><type>VirtualMachine</type><path>datastore</path></selectSet>' +
        '<selectSet xsi:type="TraversalSpec"><type>VirtualMachine</type><path>runtime.host</path></selectSet></objectSet>',
    );
    expect(objects(answer).map((entry) => textAt(entry, 'propSet', 'val'))).toEqual([
      'sql01',
      'VVOL',
      'esx1.example.org',
    ]);
  });

  test('an unknown selection name, traversal type or path is refused', async () => {
    const soap = await (await startLab()).admin();
    const attempt = async (selectSet: string) =>
      (
        await soap.retrieve(
          `<propSet><type>Folder</type></propSet><objectSet><obj type="Folder">group-d1</obj>${selectSet}</objectSet>`,
        )
      ).fault?.type;
    expect(await attempt(named('nowhere'))).toBe('InvalidArgument');
    expect(await attempt(step('x', 'Nonsense', 'childEntity'))).toBe('InvalidType');
    expect(await attempt(step('x', 'Folder', 'nonsense'))).toBe('InvalidProperty');
    expect(await attempt(step('x', 'Folder', 'name'))).toBe('InvalidProperty');
  });
});

describe('property paths', () => {
  test('a path that the type does not declare is InvalidProperty with its name, and fails the whole call', async () => {
    const soap = await (await startLab()).admin();
    for (const path of [
      'nonsense',
      'config.nonsense',
      'config.hardware.device.key',
      'info',
      'runtime.host.name',
      'name.x',
      '',
    ]) {
      const { fault } = await soap.retrieve(
        `<propSet><type>VirtualMachine</type><pathSet>name</pathSet><pathSet>${path}</pathSet></propSet><objectSet><obj type="VirtualMachine">vm-101</obj></objectSet>`,
      );
      expect([path, fault?.type]).toEqual([path, 'InvalidProperty']);
      expect(textAt(fault?.detail, 'name')).toBe(path);
    }
  });

  test('properties of a subtype are not reachable by path', async () => {
    const soap = await (await startLab()).admin();
    await expect(soap.properties('Datastore', 'datastore-13', 'info.vmfs.extent')).rejects.toThrow('InvalidProperty');
    const info = (await soap.properties('Datastore', 'datastore-13', 'info')).get('info');
    expect(textAt(info, 'vmfs', 'extent', 'diskName')).toContain('naa.');
  });

  test('one element of an array is reached by its key', async () => {
    const soap = await (await startLab()).admin();
    const found = await soap.properties('VirtualMachine', 'vm-102', 'config.hardware.device[2001]');
    const disk = found.get('config.hardware.device[2001]');
    expect(xsiType(disk)).toBe('VirtualDisk');
    expect(textAt(disk, 'deviceInfo', 'label')).toBe('Hard disk 2');
  });

  test('an unset property is absent, an empty array is there', async () => {
    const soap = await (await startLab()).admin();
    const found = await soap.properties('VirtualMachine', 'vm-102', 'snapshot', 'guest.ipAddress', 'network', 'name');
    expect([...found.keys()]).toEqual(['network', 'name']);
    expect(xsiType(found.get('network'))).toBe('ArrayOfManagedObjectReference');
  });

  test('all asks for every property, and none for the object alone', async () => {
    const soap = await (await startLab()).admin();
    const all = await soap.retrieve(
      '<propSet><type>Datastore</type><all>true</all></propSet><objectSet><obj type="Datastore">datastore-13</obj></objectSet>',
    );
    expect([...propertiesOf(objects(all)[0]).keys()]).toEqual(
      expect.arrayContaining(['name', 'parent', 'info', 'summary', 'host', 'vm', 'browser', 'capability']),
    );
    const none = await soap.retrieve(
      '<propSet><type>Datastore</type></propSet><objectSet><obj type="Datastore">datastore-13</obj></objectSet>',
    );
    expect(objects(none)[0]?.children.map((child) => child.name)).toEqual(['obj']);
  });

  test('a property set for a base type holds for its subtypes', async () => {
    const soap = await (await startLab()).admin();
    const answer = await soap.retrieve(
      '<propSet><type>ManagedEntity</type><pathSet>name</pathSet></propSet><objectSet><obj type="VirtualMachine">vm-101</obj></objectSet>',
    );
    expect(propertiesOf(objects(answer)[0]).get('name')?.text).toBe('sql01');
  });

  test('an unknown type name is InvalidType', async () => {
    const soap = await (await startLab()).admin();
    const { fault } = await soap.retrieve(
      '<propSet><type>Nonsense</type></propSet><objectSet><obj type="VirtualMachine">vm-101</obj></objectSet>',
    );
    expect(fault?.type).toBe('InvalidType');
  });
});

describe('objects and rights', () => {
  test('a missing object fails the call, unless the client asked to have it left out', async () => {
    const soap = await (await startLab()).admin();
    const spec =
      '<propSet><type>VirtualMachine</type><pathSet>name</pathSet></propSet>' +
      '<objectSet><obj type="VirtualMachine">vm-9999</obj></objectSet><objectSet><obj type="VirtualMachine">vm-101</obj></objectSet>';
    const failed = await soap.retrieve(spec);
    expect(failed.fault?.type).toBe('ManagedObjectNotFound');
    expect(textAt(failed.fault?.detail, 'obj')).toBe('vm-9999');
    const rest = await soap.retrieve(`${spec}<reportMissingObjectsInResults>true</reportMissingObjectsInResults>`);
    expect(ids(rest)).toEqual(['vm-101']);
  });

  test('without System.Read properties are in the missing set with NoPermission, those that need System.View are not', async () => {
    const lab = await startLab();
    const viewer = await reader(lab, 'viewer');
    const answer = await viewer.retrieve(
      '<propSet><type>VirtualMachine</type><pathSet>name</pathSet><pathSet>config.instanceUuid</pathSet></propSet><objectSet><obj type="VirtualMachine">vm-101</obj></objectSet>',
    );
    const content = objects(answer)[0];
    expect([...propertiesOf(content).keys()]).toEqual(['name']);
    const missing = childOf(content, 'missingSet');
    expect(textAt(missing, 'path')).toBe('config.instanceUuid');
    const fault = childOf(childOf(missing, 'fault'), 'fault');
    expect(xsiType(fault)).toBe('NoPermission');
    expect(textAt(fault, 'object')).toBe('vm-101');
    expect(textAt(fault, 'privilegeId')).toBe('System.Read');
    expect(textAt(missing, 'fault', 'localizedMessage')).toBe('Permission to perform this operation was denied.');

    const full = await reader(lab, 'reader');
    expect((await full.properties('VirtualMachine', 'vm-101', 'config.instanceUuid')).size).toBe(1);
  });

  test('Fetch reads one property, as undocumented clients do', async () => {
    const soap = await (await startLab()).admin();
    const fetch = (prop: string) =>
      soap.call('Fetch', `<_this type="VirtualMachine">vm-102</_this><prop>${prop}</prop>`);
    expect((await fetch('name')).returnval?.text).toBe('rdm01');
    expect(xsiType((await fetch('datastore')).returnval)).toBe('ArrayOfManagedObjectReference');
    expect((await fetch('snapshot')).returnval).toBeUndefined();
    expect((await fetch('nonsense')).fault?.type).toBe('InvalidProperty');
  });
});
