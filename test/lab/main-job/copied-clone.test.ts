import { cloneCreateVerb, cloneDeleteVerb, cloneListVerb } from '../../../src/cli/clone-verbs.ts';
import { DATABASE_VM, PROXY_VM } from '../../../src/lab/estate.ts';
import { ESX } from '../../../src/lab/estate-vms.ts';
import type { Reporter } from '../../../src/ports/reporter.ts';
import { failure } from '../../failure.ts';
import { until } from '../guest/until.ts';
import { crashProgram, loseState, reapSite, told } from '../reap/crashed-site.ts';
import { openSite, type Site } from './site.ts';

jest.setTimeout(120_000);

const JOB = 'managed';
const NAME = 'sql01-test';
const signal = new AbortController().signal;
const silent: Reporter = { info: () => undefined, warn: () => undefined, progress: () => undefined };

let site: Site;
let before: ReturnType<typeof stateOfSite>;
beforeAll(async () => {
  site = await openSite({ estate: { disks: 2, cylinders: 6, disksAre: 'vvol' }, vvolSnapVx: 'refused' });
  before = stateOfSite();
});
afterAll(() => site.close());
afterEach(() => {
  site.lab.faults.clear();
  expect(leftOfUs()).toEqual([]);
  expect(stateOfSite()).toEqual(before);
});

/** What a clone adds to, and must take away again. */
function stateOfSite() {
  const { vcenter, store } = site.lab;
  return { vms: vcenter.vmNames(), devices: store.devices().map(({ id }) => id), proxy: vcenter.vm(PROXY_VM).disks };
}

/** A killed program cannot end its shell in the guest: it ends by its idle time. */
const leftOfUs = () => site.leftBehind().filter((left) => left !== 'guest shell');

const call = () => ({ configFile: site.lab.configFile, reporter: silent, signal });
const clone = (change: { readonly name?: string; readonly datastore?: string; readonly host?: string } = {}) =>
  cloneCreateVerb(call(), {
    job: JOB,
    vm: DATABASE_VM,
    host: undefined,
    name: NAME,
    snapshot: undefined,
    folder: undefined,
    datastore: undefined,
    ...change,
  });
const remove = (run: string, apply = true) => cloneDeleteVerb(call(), { run, apply });
const reapAll = () => reapSite(site, { apply: true, includeWaiting: true, olderThanMs: 0 });
const isThere = () => site.lab.vcenter.vmNames().includes(NAME);

/** The devices of the array that hold the disks of the VM, by what vCenter shows and the array says. */
function devicesOf(vm: string): readonly string[] {
  const array = site.lab.unisphere.array('000197900046');
  return site.lab.vcenter.vm(vm).disks.map(({ backing }) => {
    const found = site.lab.store
      .devices()
      .find(({ id }) => backing.kind === 'vvol' && `naa.${array.wwnOf(id)}`.toLowerCase() === backing.backingObjectId);
    if (!found) throw new Error(`a disk of "${vm}" lies on no device of the array`);
    return found.id;
  });
}

const read = (device: string) => {
  const content = site.lab.store.open(device);
  return content.read(0, content.sizeBytes);
};

test('the clone holds the point in time of every disk, stands on nothing of the original, and deleting it leaves nothing', async () => {
  const { vcenter, store } = site.lab;
  const points: Buffer[] = [];
  site.lab.faults.add({
    system: 'vcenter',
    operation: 'CloneVM_Task',
    when: 'before',
    nth: 1,
    action: {
      do: 'call',
      run: async () => {
        for (const device of devicesOf(DATABASE_VM)) {
          const { snapId, sizeTracks } = store.snapshots(device).find(({ name }) => name.startsWith('VASA-')) ?? {};
          if (snapId === undefined || !sizeTracks) throw new Error('the clone is made of a VM snapshot');
          const point = store.readSnapshot(device, snapId);
          points.push(point.read(0, point.sizeBytes));
        }
      },
    },
  });
  const { document, exitCode } = await clone();
  const runId = String(document?.runId);

  expect(exitCode).toBe(0);
  expect(document).toMatchObject({
    clone: { name: NAME, host: ESX, datastore: 'vvol-ds01', poweredOn: false },
    vms: [{ name: DATABASE_VM, grade: 'application' }],
    devices: [],
  });
  const copies = devicesOf(NAME);
  expect(copies.map((device) => read(device).equals(points[copies.indexOf(device)] ?? Buffer.alloc(0)))).toEqual([
    true,
    true,
  ]);
  const [original, copy] = [vcenter.vm(DATABASE_VM), vcenter.vm(NAME)];
  expect(copy).toMatchObject({ powerState: 'poweredOff', folder: ['test'], host: ESX });
  expect(copy.instanceUuid).not.toBe(original.instanceUuid);
  expect(copies.filter((device) => devicesOf(DATABASE_VM).includes(device))).toEqual([]);
  // The VM snapshot is gone, and the guest and its hooks are as if there were no clone.
  expect(vcenter.snapshotsOf(DATABASE_VM)).toEqual([]);
  expect(leftOfUs()).toEqual([`state/runs/open/${runId}.jsonl`]);
  await site.pre({ job: JOB });
  await site.post(JOB);

  expect((await cloneListVerb(call())).document).toMatchObject({
    clones: [
      {
        runId,
        name: NAME,
        of: DATABASE_VM,
        host: ESX,
        datastore: 'vvol-ds01',
        takenAt: expect.any(Date),
        state: 'present',
      },
    ],
  });
  expect(await reapAll()).toMatchObject([{ finding: { kind: 'waiting-clone', runId }, did: 'kept' }]);
  vcenter.setPowerState(NAME, 'poweredOn');
  expect((await failure(remove(runId))).code).toBe('E_CLONE_IN_USE');
  expect((await failure(remove(runId, false))).code).toBe('E_CLONE_IN_USE');
  vcenter.setPowerState(NAME, 'poweredOff');
  await remove(runId, false);
  expect(isThere()).toBe(true);
  await remove(runId);
  expect((await failure(remove(runId))).code).toBe('E_NO_RUN');
});

test('a clone that lost its mark is no longer ours: a delete leaves the VM alone', async () => {
  const { vcenter } = site.lab;
  const { document } = await clone();
  const { extraConfig, ...kept } = vcenter.vm(NAME);
  expect(extraConfig).toEqual({ 'snaphook.clone': expect.stringContaining(String(document?.runId)) });
  vcenter.changeVm(NAME, { extraConfig: {} });

  await remove(String(document?.runId));
  expect(isThere()).toBe(true);
  expect(await reapAll()).toEqual([]);
  expect(vcenter.vm(NAME).disks).toEqual(kept.disks);
  vcenter.changeVm(NAME, { extraConfig: extraConfig ?? {} });
  await destroyByHand();
});

test('a VM whose disks are no vVols is refused by its disk', async () => {
  const request = {
    job: JOB,
    vm: 'web01',
    host: undefined,
    name: NAME,
    snapshot: undefined,
    folder: undefined,
    datastore: undefined,
  };
  expect(await failure(cloneCreateVerb(call(), request))).toMatchObject({
    code: 'E_DISK_UNSUPPORTED',
    message: expect.stringContaining('it is not a vVol'),
  });
});

test.each([
  ['onto a datastore that the host does not mount', { datastore: 'elsewhere' }, /does not mount datastore "elsewhere"/],
  ['on an ESXi host that is not there', { host: 'esx99.lab' }, /0 ESXi hosts/],
  ['under a name that is taken', { name: PROXY_VM }, /there is a VM "proxy01" already/],
])('a clone %s is refused before anything is touched', async (_what, change, message) => {
  const taken = () => site.lab.events.events.filter(({ operation }) => operation === 'CreateSnapshot_Task').length;
  const count = taken();
  expect(await failure(clone(change))).toMatchObject({ code: 'E_CLONE', message: expect.stringMatching(message) });
  expect(taken()).toBe(count);
});

test('a copy whose answer is lost is found by its name and mark, and not made twice', async () => {
  site.lab.faults.add({
    system: 'vcenter',
    operation: 'CloneVM_Task',
    when: 'after',
    nth: 1,
    action: { do: 'drop' },
  });
  const { document } = await clone();
  expect(site.lab.vcenter.vmNames().filter((name) => name === NAME)).toHaveLength(1);
  site.lab.faults.add({ system: 'vcenter', operation: 'Destroy_Task', when: 'after', nth: 1, action: { do: 'drop' } });
  await remove(String(document?.runId));
});

test.each([
  ['asked for', 'before'],
  ['begun', 'after'],
] as const)(
  'a clone that is killed when its copy was %s leaves neither the VM nor its VM snapshot',
  async (_, when) => {
    const point = { system: 'vcenter', operation: 'CloneVM_Task', when } as const;
    await crashProgram(site.lab, ['snaphook.cjs', 'clone', DATABASE_VM, '--job', JOB, '--name', NAME], point);
    await until(isThere);

    expect(told(await reapAll()).filter((one) => !one.startsWith('stale-lock'))).toEqual(['crashed-run removed']);
  },
);

test('a clone whose journal is lost is told and never removed', async () => {
  const { document } = await clone();
  loseState(site.lab);
  expect(await reapAll()).toMatchObject([
    { finding: { kind: 'lost-clone', runId: document?.runId, name: NAME }, did: 'kept' },
  ]);
  expect(isThere()).toBe(true);
  await destroyByHand();
});

/** As an admin in vCenter. */
async function destroyByHand(): Promise<void> {
  await site.withPorts(({ vmSnapshots }) =>
    Promise.resolve(vmSnapshots?.destroy(site.lab.vcenter.moRefOf(NAME) as never, signal)),
  ); // an id that vCenter gave
}
