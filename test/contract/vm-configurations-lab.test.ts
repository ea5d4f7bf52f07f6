import { systemClock } from '../../src/platform/clock.ts';
import { SnaphookError } from '../../src/ports/errors.ts';
import type { Hypervisor, VmConfiguration } from '../../src/ports/hypervisor.ts';
import { type MoRef, moRef } from '../../src/ports/identity.ts';
import { type LabVcenterWorld, startLabVcenter } from './lab-vcenter-world.ts';

const signal = new AbortController().signal;
const GET = { system: 'vcenter', operation: 'GET /folder', when: 'before', nth: 1 } as const;
let lab: LabVcenterWorld;
let vsphere: Hypervisor;

beforeAll(async () => {
  lab = await startLabVcenter({ extraVms: 3 });
});
afterAll(() => lab.close());
beforeEach(() => {
  vsphere = lab.connect();
});
afterEach(() => vsphere.close());

async function idsOf(...names: readonly string[]): Promise<readonly MoRef[]> {
  const found = await vsphere.findVms(
    names.map((name) => ({ by: 'name', name })),
    signal,
  );
  return found.flat().map((vm) => vm.moRef);
}

const readOf = async (...names: readonly string[]) => vsphere.readConfigurations(await idsOf(...names), signal);

function read(answer: VmConfiguration | SnaphookError | undefined): VmConfiguration {
  if (answer === undefined || answer instanceof SnaphookError) throw answer ?? new Error('nothing was answered');
  return answer;
}

test('the files are those of the VM, byte for byte, also on a vVol datastore and under a name that has to be escaped', async () => {
  const [app, web] = (await readOf('app01', 'web/01 100%')).map(read);
  expect(app?.vmx.toString()).toMatch(/^displayName = "app01"$/m);
  expect(app?.vmx.toString()).toMatch(/^vc\.uuid = "50 0c 1e 5a 00 00 40 00-80 00 00 00 00 00 00 01"$/m);
  expect(web?.vmx.toString()).toMatch(/^displayName = "web\/01 100%"$/m);
  expect(app?.nvram).toHaveLength(270_840);
  expect(app?.nvram).not.toEqual(web?.nvram);
});

test('settings of the firmware of an encrypted VM are handed over as vSphere encrypted them', async () => {
  const magic = (one: VmConfiguration | SnaphookError | undefined) =>
    Buffer.from(read(one).nvram ?? []).toString('latin1', 0, 4);
  expect(magic((await readOf('bulk 2'))[0])).toBe('MRVN');
  lab.vcenter.changeVm('bulk 2', { keyId: 'k' });

  const [encrypted] = await readOf('bulk 2');
  expect(read(encrypted).nvram).toHaveLength(270_840);
  expect(magic(encrypted)).not.toBe('MRVN');
});

test('the version of the configuration is that of the VM as it is found, and another one after a change', async () => {
  const versionOf = async () =>
    (await vsphere.findVms([{ by: 'name', name: 'bulk 0' }], signal))[0]?.[0]?.changeVersion;
  const before = read((await readOf('bulk 0'))[0]).changeVersion;
  expect(await versionOf()).toBe(before);
  lab.vcenter.changeVm('bulk 0', { memoryMb: 1024 });
  expect(await versionOf()).not.toBe(before);
});

test('they come in the order of the VMs, each for itself: one that is gone or refused keeps no other', async () => {
  const ids = await idsOf('bulk 1', 'bulk 2');
  const answers = await vsphere.readConfigurations([moRef('vm-987654'), ...ids], signal);
  expect(answers[0]).toMatchObject({ code: 'E_VCENTER' });
  expect(answers.slice(1).map((one) => read(one).vmx.toString())).toEqual([
    expect.stringContaining('"bulk 1"'),
    expect.stringContaining('"bulk 2"'),
  ]);
  lab.faults.add({ ...GET, object: 'bulk 1/bulk 1.vmx', action: { do: 'answer', status: 404 } });
  const [first, second] = await readOf('bulk 1', 'bulk 2');
  expect(first).toMatchObject({ code: 'E_VCENTER', message: expect.stringContaining('[bulk] bulk 1/bulk 1.vmx') });
  expect(read(second).nvram).toHaveLength(270_840);
});

test('any number of VMs costs two reads and a view, and one GET a file', async () => {
  const ids = await idsOf('bulk 0', 'bulk 1', 'bulk 2');
  lab.takeOperations();
  await vsphere.readConfigurations(ids, signal);
  expect(lab.takeOperations().toSorted()).toEqual([
    'CreateContainerView',
    ...Array.from({ length: 6 }, () => 'GET /folder'),
    'RetrievePropertiesEx',
    'RetrievePropertiesEx',
  ]);
});

test.each([
  [403, 'E_VCENTER_RIGHTS', /Datastore\.FileManagement/],
  [404, 'E_VCENTER', /Datastore\.Browse/],
  [302, 'E_VCENTER', /nobody else is asked/],
  [500, 'E_VCENTER', /./],
])('a vCenter that answers %i for a file is %s, and says what to do', async (status, code, hint) => {
  const ids = await idsOf('bulk 0');
  lab.faults.add({ ...GET, action: { do: 'answer', status } });
  const [answer] = await vsphere.readConfigurations(ids, signal);
  expect(answer).toMatchObject({ code, hint: expect.stringMatching(hint) });
});

test('a vCenter without room for a file is asked again after growing waits, then the file is given up by its name', async () => {
  const sleeps: number[] = [];
  const sleep = async (durationMs: number) => void sleeps.push(durationMs);
  const patient = lab.connect({ clock: { ...systemClock, sleep } });
  const ids = await idsOf('bulk 0');
  const { nth, ...get } = GET;
  const busy = { ...get, object: 'bulk 0/bulk 0.vmx', action: { do: 'answer', status: 503 } } as const;
  lab.faults.add({ ...busy, nth });
  expect(read((await patient.readConfigurations(ids, signal))[0]).nvram).toHaveLength(270_840);
  expect(sleeps.splice(0)).toEqual([1_000]);

  const heal = lab.faults.add(busy);
  const [answer] = await patient.readConfigurations(ids, signal);
  heal();
  await patient.close();
  expect(answer).toMatchObject({
    code: 'E_VCENTER_UNREACHABLE',
    message: expect.stringContaining('[bulk] bulk 0/bulk 0.vmx'),
  });
  expect(sleeps).toEqual([1_000, 2_000, 4_000]);
});

test('an account without the rights on datastores is told which it needs', async () => {
  const ids = await idsOf('bulk 0');
  const reader = lab.connect(lab.reader);
  const [answer] = await reader.readConfigurations(ids, signal);
  await reader.close();
  expect(answer).toMatchObject({ code: 'E_VCENTER_RIGHTS', hint: expect.stringContaining('Datastore.Browse') });
});

test('a file that is too large for a configuration is not read to its end', async () => {
  const ids = await idsOf('bulk 0');
  lab.faults.add({ ...GET, action: { do: 'answer', status: 200, body: 'x'.repeat(9 * 1024 * 1024) } });
  const [answer] = await vsphere.readConfigurations(ids, signal);
  expect(answer).toMatchObject({ code: 'E_VCENTER', message: expect.stringContaining('more than 4194304 bytes') });
  expect(read((await vsphere.readConfigurations(ids, signal))[0]).nvram).toHaveLength(270_840);
});

test('a session that was ended in the middle is replaced, and the files are read in the new one', async () => {
  const ids = await idsOf('bulk 0');
  const endAll = () => lab.vcenter.endSessions();
  lab.faults.add({ ...GET, action: { do: 'call', run: endAll } });
  expect(read((await vsphere.readConfigurations(ids, signal))[0]).vmx.toString()).toContain('"bulk 0"');
});

test('a kept connection that was closed meanwhile is replaced; one that ends again and again is an error of that file', async () => {
  const ids = await idsOf('bulk 0');
  lab.faults.add({ ...GET, action: { do: 'drop' } });
  expect(read((await vsphere.readConfigurations(ids, signal))[0]).nvram).toHaveLength(270_840);

  const heal = lab.faults.add({ system: 'vcenter', operation: 'GET /folder', when: 'after', action: { do: 'drop' } });
  const [answer] = await vsphere.readConfigurations(ids, signal);
  heal();
  expect(answer).toMatchObject({ code: 'E_VCENTER_UNREACHABLE' });
});

test('a connection that ends in the middle of a file is an error of that file, never a shorter one', async () => {
  const ids = await idsOf('bulk 0');
  lab.faults.add({ ...GET, when: 'after', action: { do: 'cut' } });
  lab.takeOperations();
  const [answer] = await vsphere.readConfigurations(ids, signal);
  expect(answer).toMatchObject({ code: 'E_VCENTER_UNREACHABLE' });
  expect(lab.takeOperations().filter((operation) => operation === 'GET /folder')).toHaveLength(1);
});

test('after its datastore was renamed a VM’s files are found where they are', async () => {
  lab.vcenter.renameDatastore('bulk', 'bulk & renamed');
  const [answer] = await readOf('bulk 2');
  expect(read(answer).nvram).toHaveLength(270_840);
});

test('no call was one that the lab does not simulate', () => {
  expect(lab.events.events.filter((event) => event.kind === 'unserved')).toEqual([]);
  expect(lab.events.events.filter((event) => event.detail.defect !== undefined)).toEqual([]);
});
