import { childOf, childrenOf, type XmlElement } from '../../../src/platform/xml.ts';
import { closeLabs, startLab } from './lab-vcenter.ts';
import { COLLECTOR, type RawSoap, type SoapAnswer, textAt, xsiType } from './raw-soap.ts';
import { plainVm } from './sample-inventory.ts';

afterAll(closeLabs);

const PROPERTIES = '<pathSet>name</pathSet><pathSet>runtime</pathSet>';

async function createFilter(soap: RawSoap, spec: string, partial = false, collector = COLLECTOR): Promise<string> {
  const answer = await soap.call(
    'CreateFilter',
    `${collector}<spec>${spec}</spec><partialUpdates>${partial}</partialUpdates>`,
  );
  if (answer.fault) throw new Error(answer.fault.type);
  return answer.returnval?.text ?? '';
}

const oneVm = (id: string, paths = PROPERTIES) =>
  `<propSet><type>VirtualMachine</type>${paths}</propSet><objectSet><obj type="VirtualMachine">${id}</obj></objectSet>`;

async function vmsInView(soap: RawSoap): Promise<string> {
  const view = await soap.call(
    'CreateContainerView',
    '<_this type="ViewManager">ViewManager</_this><container type="Folder">group-d1</container><type>VirtualMachine</type><recursive>true</recursive>',
  );
  return (
    '<propSet><type>VirtualMachine</type><pathSet>name</pathSet></propSet>' +
    `<objectSet><obj type="ContainerView">${view.returnval?.text}</obj><skip>true</skip>` +
    '<selectSet xsi:type="TraversalSpec"><type>ContainerView</type><path>view</path></selectSet></objectSet>'
  );
}

const wait = (soap: RawSoap, version: string, options = '<maxWaitSeconds>20</maxWaitSeconds>', collector = COLLECTOR) =>
  soap.call('WaitForUpdatesEx', `${collector}<version>${version}</version><options>${options}</options>`);

function updates(answer: SoapAnswer): readonly XmlElement[] {
  return childrenOf(answer.returnval, 'filterSet').flatMap((set) => childrenOf(set, 'objectSet'));
}

const summary = (update: XmlElement | undefined) => [
  textAt(update, 'kind'),
  textAt(update, 'obj'),
  ...childrenOf(update, 'changeSet').map((change) => `${textAt(change, 'name')}=${textAt(change, 'val')}`),
];

test('the first wait tells everything as enter, later ones only what changed, and a setter wakes a waiting call', async () => {
  const lab = await startLab();
  const soap = await lab.admin();
  await createFilter(soap, oneVm('vm-101'));
  const first = await wait(soap, '');
  expect(textAt(first.returnval, 'version')).toBe('1');
  expect(updates(first).map((update) => textAt(update, 'kind'))).toEqual(['enter']);

  const waiting = wait(soap, '1');
  lab.events.onEvent((event) => {
    if (event.kind === 'request' && event.operation === 'WaitForUpdatesEx')
      setImmediate(() => lab.vcenter.renameVm('vm-101', 'sql99'));
  });
  const second = await waiting;
  expect(updates(second).map(summary)).toEqual([['modify', 'vm-101', 'name=sql99']]);
  expect(textAt(second.returnval, 'version')).toBe('2');
});

test('nothing new within maxWaitSeconds is an answer without returnval, and the version stays good', async () => {
  const lab = await startLab();
  const soap = await lab.admin();
  await createFilter(soap, oneVm('vm-101'));
  await wait(soap, '');
  const nothing = await wait(soap, '1', '<maxWaitSeconds>0</maxWaitSeconds>');
  expect(nothing.status).toBe(200);
  expect(nothing.returnval).toBeUndefined();
  lab.vcenter.setPowerState('vm-101', 'poweredOff');
  const changed = await wait(soap, '1');
  const change = childOf(updates(changed)[0], 'changeSet');
  expect(textAt(change, 'name')).toBe('runtime');
  expect(xsiType(childOf(change, 'val'))).toBe('VirtualMachineRuntimeInfo');
});

test('with partial updates the changed property inside is told by its longer path, an unset one without val', async () => {
  const lab = await startLab();
  const soap = await lab.admin();
  await createFilter(soap, oneVm('vm-101'), true);
  await wait(soap, '');
  lab.vcenter.setPowerState('vm-101', 'poweredOff');
  const update = updates(await wait(soap, '1'))[0];
  expect(summary(update)).toEqual(['modify', 'vm-101', 'runtime.powerState=poweredOff', 'runtime.bootTime=undefined']);
});

test('objects that come into or leave the selection are told as enter and leave', async () => {
  const lab = await startLab();
  const soap = await lab.admin();
  await createFilter(soap, await vmsInView(soap));
  expect(updates(await wait(soap, ''))).toHaveLength(5);
  const id = lab.vcenter.addVm('DC1', plainVm('new', 77, { folder: ['Prod', 'Fresh'] }));
  expect(updates(await wait(soap, '1')).map(summary)).toEqual([['enter', id, 'name=new']]);
  lab.vcenter.removeVm('new');
  expect(updates(await wait(soap, '2')).map(summary)).toEqual([['leave', id]]);
});

test('maxObjectUpdates cuts the answer, truncated says so, the rest follows at once', async () => {
  const soap = await (await startLab()).admin();
  await createFilter(soap, await vmsInView(soap));
  const first = await wait(soap, '', '<maxObjectUpdates>3</maxObjectUpdates>');
  expect(updates(first)).toHaveLength(3);
  expect(textAt(first.returnval, 'truncated')).toBe('true');
  const second = await wait(soap, '1', '<maxObjectUpdates>3</maxObjectUpdates>');
  expect(updates(second)).toHaveLength(2);
  expect(childOf(second.returnval, 'truncated')).toBeUndefined();
});

test('an unknown version is InvalidCollectorVersion; the empty one starts over', async () => {
  const soap = await (await startLab()).admin();
  await createFilter(soap, oneVm('vm-101'));
  for (const version of ['0', '7', 'x']) {
    expect((await wait(soap, version)).fault?.type).toBe('InvalidCollectorVersion');
  }
  await wait(soap, '');
  expect((await wait(soap, '9')).fault?.type).toBe('InvalidCollectorVersion');
  expect(updates(await wait(soap, '')).map((update) => textAt(update, 'kind'))).toEqual(['enter']);
});

test('negative options are InvalidArgument', async () => {
  const soap = await (await startLab()).admin();
  expect((await wait(soap, '', '<maxWaitSeconds>-1</maxWaitSeconds>')).fault?.type).toBe('InvalidArgument');
  expect((await wait(soap, '', '<maxObjectUpdates>0</maxObjectUpdates>')).fault?.type).toBe('InvalidArgument');
});

test('CancelWaitForUpdates and a logout end a waiting call with RequestCanceled', async () => {
  const lab = await startLab();
  for (const end of [
    (soap: RawSoap) => soap.call('CancelWaitForUpdates', COLLECTOR),
    (soap: RawSoap) => soap.call('Logout', '<_this type="SessionManager">SessionManager</_this>'),
  ]) {
    const soap = await lab.admin();
    await createFilter(soap, oneVm('vm-101'));
    await wait(soap, '');
    const requested = new Promise<void>((resolve) => {
      const stop = lab.events.onEvent((event) => {
        if (event.kind !== 'request' || event.operation !== 'WaitForUpdatesEx') return;
        stop();
        setImmediate(resolve);
      });
    });
    const waiting = wait(soap, '1');
    await requested;
    await end(soap);
    expect((await waiting).fault?.type).toBe('RequestCanceled');
  }
});

test('collectors do not mix: each has its own filters and versions, and is gone once destroyed', async () => {
  const lab = await startLab();
  const soap = await lab.admin();
  const own = (await soap.call('CreatePropertyCollector', COLLECTOR)).returnval?.text ?? '';
  expect(own).toMatch(/^session\[[0-9a-f-]{36}\][0-9a-f-]{36}$/);
  const collector = `<_this type="PropertyCollector">${own}</_this>`;
  await createFilter(soap, oneVm('vm-101'), false, collector);
  await createFilter(soap, oneVm('vm-102'));
  const update = await wait(soap, '', undefined, collector);
  expect(updates(update).map((entry) => textAt(entry, 'obj'))).toEqual(['vm-101']);
  expect((await soap.call('DestroyPropertyCollector', collector)).status).toBe(200);
  expect((await wait(soap, '', undefined, collector)).fault?.type).toBe('ManagedObjectNotFound');
});

test('a filter is an object with its spec, and a destroyed one tells nothing more', async () => {
  const lab = await startLab();
  const soap = await lab.admin();
  const filter = await createFilter(soap, oneVm('vm-101'));
  const spec = (await soap.properties('PropertyFilter', filter, 'spec', 'partialUpdates')).get('spec');
  expect(xsiType(spec)).toBe('PropertyFilterSpec');
  expect(textAt(spec, 'objectSet', 'obj')).toBe('vm-101');
  await wait(soap, '');
  await soap.call('DestroyPropertyFilter', `<_this type="PropertyFilter">${filter}</_this>`);
  lab.vcenter.renameVm('vm-101', 'other');
  expect((await wait(soap, '1', '<maxWaitSeconds>0</maxWaitSeconds>')).returnval).toBeUndefined();
});

test('a filter on a missing object or property is refused when it is created', async () => {
  const soap = await (await startLab()).admin();
  await expect(createFilter(soap, oneVm('vm-9999'))).rejects.toThrow('ManagedObjectNotFound');
  await expect(createFilter(soap, oneVm('vm-101', '<pathSet>nonsense</pathSet>'))).rejects.toThrow('InvalidProperty');
});

test('CheckForUpdates never waits; WaitForUpdates takes no options', async () => {
  const lab = await startLab();
  const soap = await lab.admin();
  await createFilter(soap, oneVm('vm-101'));
  const first = await soap.call('CheckForUpdates', COLLECTOR);
  expect(textAt(first.returnval, 'version')).toBe('1');
  expect((await soap.call('CheckForUpdates', `${COLLECTOR}<version>1</version>`)).returnval).toBeUndefined();
  lab.vcenter.renameVm('vm-101', 'renamed');
  const second = await soap.call('WaitForUpdates', `${COLLECTOR}<version>1</version>`);
  expect(updates(second).map(summary)).toEqual([['modify', 'vm-101', 'name=renamed']]);
});
