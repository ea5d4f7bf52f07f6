import { closeLabs, startLab, type TestLab } from './lab-vcenter.ts';
import { type RawSoap, type SoapAnswer, textAt } from './raw-soap.ts';
import { uuid } from './sample-inventory.ts';

afterAll(closeLabs);

const VIEWS = '<_this type="ViewManager">ViewManager</_this>';
const INDEX = '<_this type="SearchIndex">SearchIndex</_this>';

describe('views', () => {
  const container = (soap: RawSoap, type: string, id: string, types: readonly string[], recursive: boolean) =>
    soap.call(
      'CreateContainerView',
      `${VIEWS}<container type="${type}">${id}</container>${types.map((name) => `<type>${name}</type>`).join('')}<recursive>${recursive}</recursive>`,
    );
  const contents = async (soap: RawSoap, type: string, view: SoapAnswer) =>
    (await soap.properties(type, view.returnval?.text ?? '', 'view')).get('view')?.children.map((ref) => ref.text);

  test('a container view holds entities of the types asked for, below or directly below its container', async () => {
    const soap = await (await startLab()).admin();
    const vms = await contents(
      soap,
      'ContainerView',
      await container(soap, 'Folder', 'group-d1', ['VirtualMachine'], true),
    );
    expect(vms?.sort()).toEqual(['vm-101', 'vm-102', 'vm-103', 'vm-104', 'vm-105']);
    const direct = await contents(soap, 'ContainerView', await container(soap, 'Folder', 'group-d1', [], false));
    expect(direct).toHaveLength(2);
    const onHost = await contents(
      soap,
      'ContainerView',
      await container(soap, 'Datacenter', 'datacenter-2', ['HostSystem', 'Datastore'], true),
    );
    expect(onHost).toHaveLength(5);
    const base = await contents(
      soap,
      'ContainerView',
      await container(soap, 'Datacenter', 'datacenter-2', ['ComputeResource'], true),
    );
    expect(base).toEqual(['domain-c8']);
  });

  test('a view shows its own properties and dies with DestroyView or its session', async () => {
    const lab = await startLab();
    const soap = await lab.admin();
    const view = (await container(soap, 'Folder', 'group-d1', ['VirtualMachine'], true)).returnval?.text ?? '';
    const found = await soap.properties('ContainerView', view, 'container', 'type', 'recursive');
    expect([...found.values()].map((value) => value.text || value.children[0]?.text)).toEqual([
      'group-d1',
      'VirtualMachine',
      'true',
    ]);
    const stranger = await lab.admin();
    await expect(stranger.properties('ContainerView', view, 'view')).rejects.toThrow('ManagedObjectNotFound');
    await soap.call('DestroyView', `<_this type="ContainerView">${view}</_this>`);
    await expect(soap.properties('ContainerView', view, 'view')).rejects.toThrow('ManagedObjectNotFound');
  });

  test('a container that is none, that is gone, and an unknown type are refused', async () => {
    const soap = await (await startLab()).admin();
    const none = await container(soap, 'VirtualMachine', 'vm-101', [], true);
    expect(none.fault?.type).toBe('InvalidArgument');
    expect((await container(soap, 'Folder', 'group-d999', [], true)).fault?.type).toBe('ManagedObjectNotFound');
    expect((await container(soap, 'Folder', 'group-d1', ['Nonsense'], true)).fault?.type).toBe('InvalidType');
  });

  test('a list view is changed in place and reports what it could not resolve', async () => {
    const soap = await (await startLab()).admin();
    const list = await soap.call('CreateListView', `${VIEWS}<obj type="VirtualMachine">vm-101</obj>`);
    const self = `<_this type="ListView">${list.returnval?.text}</_this>`;
    const modified = await soap.call(
      'ModifyListView',
      `${self}<add type="VirtualMachine">vm-102</add><add type="VirtualMachine">vm-9999</add><remove type="VirtualMachine">vm-101</remove>`,
    );
    expect(modified.returnvals.map((ref) => ref.text)).toEqual(['vm-9999']);
    expect(await contents(soap, 'ListView', list)).toEqual(['vm-102']);
    await soap.call('ResetListView', `${self}<obj type="Datastore">datastore-13</obj>`);
    expect(await contents(soap, 'ListView', list)).toEqual(['datastore-13']);
    const copy = await soap.call(
      'CreateListViewFromView',
      `${VIEWS}<view type="ListView">${list.returnval?.text}</view>`,
    );
    expect(await contents(soap, 'ListView', copy)).toEqual(['datastore-13']);
  });

  test('an inventory view opens and closes folders', async () => {
    const soap = await (await startLab()).admin();
    const view = await soap.call('CreateInventoryView', VIEWS);
    const self = `<_this type="InventoryView">${view.returnval?.text}</_this>`;
    expect(await contents(soap, 'InventoryView', view)).toHaveLength(3);
    await soap.call('OpenInventoryViewFolder', `${self}<entity type="Datacenter">datacenter-2</entity>`);
    expect(await contents(soap, 'InventoryView', view)).toHaveLength(7);
    await soap.call('CloseInventoryViewFolder', `${self}<entity type="Datacenter">datacenter-2</entity>`);
    expect(await contents(soap, 'InventoryView', view)).toHaveLength(3);
  });
});

describe('the search index', () => {
  let lab: TestLab;
  let soap: RawSoap;
  beforeAll(async () => {
    lab = await startLab();
    soap = await lab.admin();
  });
  const found = async (operation: string, args: string) => {
    const answer = await soap.call(operation, INDEX + args);
    return answer.fault ? answer.fault.type : answer.returnvals.map((ref) => ref.text);
  };

  test('finds a VM by instance uuid, whatever the case, and nothing for an unknown one', async () => {
    const byInstance = (id: string) =>
      found('FindByUuid', `<uuid>${id}</uuid><vmSearch>true</vmSearch><instanceUuid>true</instanceUuid>`);
    expect(await byInstance(uuid('aa', 1).toUpperCase())).toEqual(['vm-101']);
    expect(await byInstance(uuid('aa', 99))).toEqual([]);
    const typed = await soap.call(
      'FindByUuid',
      `${INDEX}<uuid>${uuid('aa', 1)}</uuid><vmSearch>true</vmSearch><instanceUuid>true</instanceUuid>`,
    );
    expect(typed.text).toContain('<returnval type="VirtualMachine">vm-101</returnval>');
  });

  test('a BIOS uuid may belong to several VMs; a datacenter narrows the search; hosts have one too', async () => {
    const all = `<uuid>${uuid('bb', 1)}</uuid><vmSearch>true</vmSearch>`;
    expect(await found('FindAllByUuid', all)).toEqual(['vm-101', 'vm-105']);
    expect(await found('FindByUuid', `<datacenter type="Datacenter">${await idOf('DC2')}</datacenter>${all}`)).toEqual([
      'vm-105',
    ]);
    expect(
      await found('FindByUuid', '<uuid>4c4c4544-0002-4000-8000-000000000002</uuid><vmSearch>false</vmSearch>'),
    ).toEqual(['host-12']);
    expect(await found('FindByUuid', `<datacenter type="Datacenter">datacenter-999</datacenter>${all}`)).toBe(
      'ManagedObjectNotFound',
    );
  });

  test('finds by inventory path with escaped names, the hidden root not included', async () => {
    const byPath = (path: string) => found('FindByInventoryPath', `<inventoryPath>${path}</inventoryPath>`);
    expect(await byPath('DC1/vm/Prod/Databases/sql01')).toEqual(['vm-101']);
    expect(await byPath('/DC1/vm/a%2fb%25c%5cd')).toEqual(['vm-104']);
    expect(await byPath('DC1/host/CL1/esx2.example.org')).toEqual(['host-12']);
    expect(await byPath('DC1/datastore/VVOL-1')).toEqual(['datastore-14']);
    expect(await byPath('DC1/vm')).toEqual(['group-v3']);
    expect(await byPath('Datacenters/DC1')).toEqual([]);
    expect(await byPath('DC1/vm/a/b%25c%5cd')).toEqual([]);
  });

  test('names are shown escaped', async () => {
    const name = (await soap.properties('VirtualMachine', 'vm-104', 'name')).get('name');
    expect(name?.text).toBe('a%2fb%25c%5cd');
  });

  test('finds by DNS name, address, datastore path and child name', async () => {
    expect(await found('FindByDnsName', '<dnsName>SQL01.example.org</dnsName><vmSearch>true</vmSearch>')).toEqual([
      'vm-101',
    ]);
    expect(await found('FindAllByDnsName', '<dnsName>esx1.example.org</dnsName><vmSearch>false</vmSearch>')).toEqual([
      'host-11',
    ]);
    expect(await found('FindByIp', '<ip>192.0.2.11</ip><vmSearch>true</vmSearch>')).toEqual(['vm-101']);
    expect(await found('FindAllByIp', '<ip>192.0.2.99</ip><vmSearch>true</vmSearch>')).toEqual([]);
    const inDc1 = '<datacenter type="Datacenter">datacenter-2</datacenter>';
    expect(await found('FindByDatastorePath', `${inDc1}<path>[VMFS-1] rdm01/rdm01.vmx</path>`)).toEqual(['vm-102']);
    expect(
      await found(
        'FindByDatastorePath',
        `${inDc1}<path>[VVOL-1] naa.600009700bbf7e5300001000000000c1/sql01.vmx</path>`,
      ),
    ).toEqual(['vm-101']);
    expect(await found('FindChild', '<entity type="Folder">group-v3</entity><name>Prod</name>')).toHaveLength(1);
    expect(await found('FindChild', '<entity type="Folder">group-v3</entity><name>Nope</name>')).toEqual([]);
  });

  async function idOf(name: string): Promise<string> {
    const answer = await soap.call('FindByInventoryPath', `${INDEX}<inventoryPath>${name}</inventoryPath>`);
    return answer.returnval?.text ?? textAt(answer.response, 'returnval') ?? '';
  }
});
