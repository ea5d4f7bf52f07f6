import { systemClock } from '../../../src/platform/clock.ts';
import { moRef } from '../../../src/ports/identity.ts';
import type { VmSnapshots } from '../../../src/ports/vm-snapshots.ts';
import { createVmSnapshots } from '../../../src/vsphere/vm-snapshots.ts';
import { failure } from '../../failure.ts';
import { type Peer, startPeer } from './peer.ts';

const signal = new AbortController().signal;
let peer: Peer;
let snapshots: VmSnapshots;

beforeAll(async () => {
  peer = await startPeer();
  snapshots = createVmSnapshots({
    url: peer.url,
    username: peer.username,
    password: async () => peer.password,
    tls: { fingerprint256: peer.fingerprint256 },
    clock: systemClock,
  });
});
afterAll(async () => {
  await snapshots?.close();
  peer?.stop();
});

const vm = (index: number) => moRef(peer.vms[index]?.moRef ?? '');
const create = (index: number, name: string) =>
  snapshots.create({ vm: vm(index), name, description: `of ${name}`, quiesce: undefined }, signal);

test('a snapshot is taken as a task, found by its exact name or the beginning of it, and removed once', async () => {
  await create(1, 'snaphook-a');
  await create(1, 'snaphook-ab');
  const [found, ...others] = await snapshots.find({ vm: vm(1), name: 'snaphook-a' }, signal);
  if (!found) throw new Error('the snapshot was not found');

  expect(others).toEqual([]);
  expect(found).toMatchObject({ vm: vm(1), description: 'of snaphook-a', quiesced: false });
  expect(Math.abs((found.createdAtMs ?? 0) - Date.now())).toBeLessThan(60_000);
  const listed = await snapshots.list({ namePrefix: 'snaphook-' }, signal);
  expect(listed.map(({ name }) => name)).toEqual(['snaphook-a', 'snaphook-ab']);
  await snapshots.remove(found, signal);
  await snapshots.remove(found, signal);
  expect((await snapshots.list({ namePrefix: 'snaphook-' }, signal)).map(({ name }) => name)).toEqual(['snaphook-ab']);
  expect(await snapshots.consolidationNeeded(vm(1), signal)).toBe(false);
});

test('a disk of a snapshot is added to another VM, not to persist, and detached with its file and nothing else', async () => {
  const proxyVm = vm(4);
  await create(3, 'snaphook-disks');
  const [taken] = await snapshots.find({ vm: vm(3), name: 'snaphook-disks' }, signal);
  const [disk, ...others] = await snapshots.disksOf(taken?.moRef ?? moRef('snapshot-0'), signal);
  const own = await snapshots.proxyVm(proxyVm, signal);
  const files = [disk?.fileName ?? ''];
  const withIt = {
    ...own,
    freePlaces: own.freePlaces - 1,
    disks: [...own.disks, { diskUuid: undefined, fileName: files[0], isDiscarding: true }],
  };

  expect(disk).toMatchObject({
    fileName: expect.stringMatching(/^\[LocalDS_0\] .*\.vmdk$/),
    capacityBytes: 1024 * 1024,
  });
  expect(others).toEqual([]);
  // Again: the first detach has left the file.
  for (let round = 0; round < 2; round += 1) {
    await snapshots.attach({ proxyVm, files }, signal);
    expect(await snapshots.proxyVm(proxyVm, signal)).toEqual(withIt);
    await snapshots.detach({ proxyVm, files: [...files, own.disks[0]?.fileName ?? ''] }, signal);
    expect(await snapshots.proxyVm(proxyVm, signal)).toEqual(own);
  }
  await snapshots.detach({ proxyVm, files }, signal);
});

test('a change that vCenter refuses is told with its fault, and leaves everything as it was', async () => {
  const before = await snapshots.proxyVm(vm(4), signal);
  const files = ['[LocalDS_0] snaphook/none.vmdk'];

  expect(await failure(snapshots.attach({ proxyVm: vm(4), files }, signal))).toMatchObject({
    code: 'E_VCENTER',
    message: expect.stringContaining('"FileNotFound"'),
  });
  expect(await snapshots.proxyVm(vm(4), signal)).toEqual(before);
});
