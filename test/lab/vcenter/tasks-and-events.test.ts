import { Pace } from '../../../src/lab/world/pace.ts';
import { childOf } from '../../../src/platform/xml.ts';
import { closeLabs, startLab } from './lab-vcenter.ts';
import { textAt, xsiType } from './raw-soap.ts';
import { onVm, taskEnd } from './tasks.ts';

afterAll(closeLabs);

test('an operation that takes time answers with a task, which ends in success and shows who asked for what', async () => {
  const lab = await startLab();
  const soap = await lab.admin();
  const task = await onVm(soap, 'PowerOffVM_Task', 'vm-101');
  expect(task.text).toMatch(/<returnval type="Task">task-\d+<\/returnval>/);
  const info = await taskEnd(soap, task.returnval?.text ?? '');
  expect(textAt(info, 'state')).toBe('success');
  expect(textAt(info, 'entity')).toBe('vm-101');
  expect(textAt(info, 'descriptionId')).toBe('VirtualMachine.powerOff');
  expect(xsiType(childOf(info, 'reason'))).toBe('TaskReasonUser');
  expect(textAt(info, 'reason', 'userName')).toBe('VSPHERE.LOCAL\\admin');
  expect(lab.vcenter.vm('vm-101').powerState).toBe('poweredOff');
  const recent = (await soap.properties('VirtualMachine', 'vm-101', 'recentTask')).get('recentTask');
  expect(recent?.children.map((ref) => ref.text)).toEqual([task.returnval?.text]);
});

test('a failed task carries the fault', async () => {
  const soap = await (await startLab()).admin();
  const task = await onVm(soap, 'PowerOnVM_Task', 'vm-101');
  const info = await taskEnd(soap, task.returnval?.text ?? '');
  const fault = childOf(childOf(info, 'error'), 'fault');
  expect(textAt(info, 'state')).toBe('error');
  expect(xsiType(fault)).toBe('InvalidPowerState');
  expect(textAt(fault, 'existingState')).toBe('poweredOn');
  expect(textAt(info, 'error', 'localizedMessage')).toContain('(Powered on)');
});

test('a second task on a busy VM fails with TaskInProgress and names the first', async () => {
  const soap = await (await startLab({ pace: new Pace(0.5) })).admin();
  const first = await onVm(soap, 'PowerOffVM_Task', 'vm-101');
  const second = await onVm(soap, 'PowerOffVM_Task', 'vm-101');
  const fault = childOf(childOf(await taskEnd(soap, second.returnval?.text ?? ''), 'error'), 'fault');
  expect(xsiType(fault)).toBe('TaskInProgress');
  expect(textAt(fault, 'task')).toBe(first.returnval?.text);
  expect(textAt(await taskEnd(soap, first.returnval?.text ?? ''), 'state')).toBe('success');
});

test("a rename by the API needs the right of the entity's kind, and a name of its own in the folder", async () => {
  const lab = await startLab();
  const reader = lab.client();
  await reader.login('reader@vsphere.local');
  const refused = await onVm(reader, 'Rename_Task', 'vm-102', '<newName>x</newName>');
  expect(textAt(refused.fault?.detail, 'privilegeId')).toBe('VirtualMachine.Config.Rename');

  const soap = await lab.admin();
  const taken = await onVm(soap, 'Rename_Task', 'vm-102', '<newName>chained</newName>');
  const fault = childOf(childOf(await taskEnd(soap, taken.returnval?.text ?? ''), 'error'), 'fault');
  expect(xsiType(fault)).toBe('DuplicateName');
  expect(textAt(fault, 'object')).toBe('vm-103');
  const free = await onVm(soap, 'Rename_Task', 'vm-102', '<newName>free</newName>');
  await taskEnd(soap, free.returnval?.text ?? '');
  expect(lab.vcenter.moRefOf('free')).toBe('vm-102');
});

test('a renamed datastore has its new name in every path, in layoutEx when the VM is changed next; a host cannot be renamed', async () => {
  const lab = await startLab();
  const soap = await lab.admin();
  const task = await soap.call('Rename_Task', '<_this type="Datastore">datastore-13</_this><newName>GOLD</newName>');
  expect(textAt(await taskEnd(soap, task.returnval?.text ?? ''), 'state')).toBe('success');
  const found = await soap.properties('VirtualMachine', 'vm-103', 'config.files.vmPathName', 'datastore');
  expect(found.get('config.files.vmPathName')?.text).toBe('[GOLD] chained/chained.vmx');
  expect(found.get('datastore')?.children.map((ref) => ref.text)).toEqual(['datastore-13']);
  const paths = async () => {
    const files = (await soap.properties('VirtualMachine', 'vm-103', 'layoutEx.file')).get('layoutEx.file');
    return files?.children.map((file) => textAt(file, 'name') ?? '') ?? [];
  };
  expect((await paths()).filter((path) => path.startsWith('[GOLD] '))).toEqual([]);
  lab.vcenter.changeVm('vm-103', {});
  expect(await paths()).toContain('[GOLD] chained/chained-flat.vmdk');
  expect((await paths()).filter((path) => !path.startsWith('[GOLD] '))).toEqual([]);
  const host = await soap.call('Rename_Task', '<_this type="HostSystem">host-11</_this><newName>x</newName>');
  expect(host.fault?.type).toBe('NotSupported');
});

test('CancelTask is for the initiator and those who may, and refuses what cannot be cancelled or has ended', async () => {
  const lab = await startLab({ pace: new Pace(0.2) });
  const soap = await lab.admin();
  const reader = lab.client();
  await reader.login('reader@vsphere.local');
  const task = (await onVm(soap, 'PowerOffVM_Task', 'vm-101')).returnval?.text ?? '';
  const cancel = (client = soap) => client.call('CancelTask', `<_this type="Task">${task}</_this>`);
  expect((await cancel(lab.client())).fault?.type).toBe('NotAuthenticated');
  expect(textAt((await cancel(reader)).fault?.detail, 'privilegeId')).toBe('Global.CancelTask');
  expect((await cancel()).fault?.type).toBe('NotSupported');
  await taskEnd(soap, task);
  expect((await cancel()).fault?.type).toBe('InvalidState');
});

test('events are posted with the base fields first, by those who may', async () => {
  const lab = await startLab();
  const soap = await lab.admin();
  const self = '<_this type="EventManager">EventManager</_this>';
  const base = '<key>0</key><chainId>0</chainId><createdTime>2026-01-01T00:00:00Z</createdTime><userName></userName>';
  const own = '<eventTypeId>org.example.backup</eventTypeId><severity>info</severity><message>done</message>';
  const posted = await soap.call('PostEvent', `${self}<eventToPost xsi:type="EventEx">${base}${own}</eventToPost>`);
  expect(posted.status).toBe(200);
  expect(
    lab.events.events.find((event) => event.kind === 'effect' && event.operation === 'PostEvent')?.detail,
  ).toMatchObject({
    eventTypeId: 'org.example.backup',
    message: 'done',
  });
  const shuffled = await soap.call('PostEvent', `${self}<eventToPost xsi:type="EventEx">${own}${base}</eventToPost>`);
  expect(shuffled.fault?.message).toContain('Unexpected element tag "key"');
  const reader = lab.client();
  await reader.login('reader@vsphere.local');
  const refused = await reader.call(
    'LogUserEvent',
    `${self}<entity type="VirtualMachine">vm-101</entity><msg>hello</msg>`,
  );
  expect(textAt(refused.fault?.detail, 'privilegeId')).toBe('Global.LogEvent');
});
