import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DeviceStore } from '../../../src/lab/devices/device-store.ts';
import { CYLINDER_BYTES, TRACK_BYTES } from '../../../src/lab/devices/store-contract.ts';
import { DeviceNodes } from '../../../src/lab/proxy/device-nodes.ts';
import { EventLog } from '../../../src/lab/world/events.ts';
import { Pace } from '../../../src/lab/world/pace.ts';

const wwn = '60000970000197900046533030303032';
const pairs = [{ source: '00001', target: '00002' }];
const cleanUps: (() => void)[] = [];

afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
});

function openProxy(rescanMs = 0) {
  const folder = mkdtempSync(path.join(tmpdir(), 'proxy-'));
  const byId = path.join(folder, 'by-id');
  const events = new EventLog();
  const pace = new Pace(1);
  const store = DeviceStore.open(path.join(folder, 'array'), { pace, events, generation: 'V4' });
  for (const id of ['00001', '00002']) store.createDevice({ id, cylinders: 1 });
  const nodes = new DeviceNodes(byId, { store, pace, events, rescanMs });
  cleanUps.push(() => {
    nodes.close();
    store.close();
    rmSync(folder, { recursive: true });
  });
  const node = path.join(byId, `wwn-0x${wwn}`);
  const appeared = async () => {
    while (!existsSync(node)) await new Promise((resolve) => setTimeout(resolve, 1));
  };
  return { store, nodes, events, byId, node, appeared, pace };
}

function fill(store: DeviceStore, id: string, track: number, byte: number): void {
  store.open(id).write(track * TRACK_BYTES, Buffer.alloc(TRACK_BYTES, byte));
}

function establishAndLink(store: DeviceStore): { name: string; select: { snapId: number } } {
  const { snapId } = store.establish({ name: 'snap', devices: ['00001'] });
  const snapshot = { name: 'snap', select: { snapId } };
  store.link({ ...snapshot, pairs, copy: false });
  return snapshot;
}

function writeNode(node: string, offsetBytes: number, data: Buffer): void {
  const descriptor = openSync(node, 'r+');
  writeSync(descriptor, data, 0, data.length, offsetBytes);
  closeSync(descriptor);
}

const content = (store: DeviceStore, id: string) => store.open(id).read(0, CYLINDER_BYTES);

test('a presented device appears after the rescan as a file of its size named by its WWN, and vanishes when withdrawn', async () => {
  const { nodes, node, appeared, store } = openProxy(30);

  nodes.present('00002', wwn.toUpperCase());
  expect(existsSync(node)).toBe(false);
  await appeared();
  expect(statSync(node).isFile()).toBe(true);
  expect(statSync(node).size).toBe(CYLINDER_BYTES);
  expect(statSync(node).blocks).toBe(0);
  nodes.withdraw('00002');

  expect(existsSync(node)).toBe(false);
  expect(store.device('00002')?.hostVisible).toBe(false);
});

test('a device withdrawn before the rescan is over never appears', async () => {
  const { nodes, byId, events } = openProxy(20);

  nodes.present('00002', wwn);
  nodes.withdraw('00002');
  await new Promise((resolve) => setTimeout(resolve, 40));

  expect(readdirSync(byId)).toEqual([]);
  expect(events.events.filter(({ system }) => system === 'proxy')).toEqual([]);
});

test('a target linked while presented shows the proxy the point in time, whatever the source does next', async () => {
  const { store, nodes, node, appeared } = openProxy();
  nodes.present('00002', wwn);
  await appeared();
  fill(store, '00001', 3, 1);
  const then = content(store, '00001');

  establishAndLink(store);
  fill(store, '00001', 3, 2);
  fill(store, '00001', 8, 2);

  expect(readFileSync(node).equals(then)).toBe(true);
  expect(content(store, '00002').equals(then)).toBe(true);
  expect(store.linkOf('00002')?.info).toMatchObject({ state: 'Linked', copy: false, percentageCopied: 0 });
});

test('a target presented after it was linked shows the proxy the same, with what was written to it meanwhile', async () => {
  const { store, nodes, node, appeared } = openProxy();
  fill(store, '00001', 3, 1);
  establishAndLink(store);
  store.open('00002').write(5, Buffer.from('own'));
  fill(store, '00001', 3, 2);

  nodes.present('00002', wwn);
  await appeared();

  expect(readFileSync(node).equals(content(store, '00002'))).toBe(true);
  expect(readFileSync(node).subarray(5, 8).toString()).toBe('own');
  expect(readFileSync(node)[3 * TRACK_BYTES]).toBe(1);
});

test('what the proxy writes is what the array shows, and the other way round, and the source stays untouched', async () => {
  const { store, nodes, node, appeared } = openProxy();
  nodes.present('00002', wwn);
  await appeared();
  establishAndLink(store);
  expect(store.linkOf('00002')?.info.modified).toBe(false);
  await new Promise((resolve) => setTimeout(resolve, 10));

  writeNode(node, 7 * TRACK_BYTES, Buffer.from('from the proxy'));
  store.open('00002').write(9 * TRACK_BYTES, Buffer.from('from the array'));

  expect(
    store
      .open('00002')
      .read(7 * TRACK_BYTES, 14)
      .toString(),
  ).toBe('from the proxy');
  expect(readFileSync(node).toString('utf8', 9 * TRACK_BYTES, 9 * TRACK_BYTES + 14)).toBe('from the array');
  expect(store.linkOf('00002')?.info.modified).toBe(true);
  expect(store.extents('00002').map(({ firstTrack }) => firstTrack)).toEqual([7, 9]);
  expect(content(store, '00001').equals(Buffer.alloc(CYLINDER_BYTES))).toBe(true);
});

test('a snapshot of what the proxy wrote keeps it', async () => {
  const { store, nodes, node, appeared } = openProxy();
  nodes.present('00002', wwn);
  await appeared();
  writeNode(node, 7 * TRACK_BYTES, Buffer.from('from the proxy'));

  const { snapId } = store.establish({ name: 'second', devices: ['00002'] });
  fill(store, '00002', 7, 1);

  expect(
    store
      .readSnapshot('00002', snapId)
      .read(7 * TRACK_BYTES, 14)
      .toString(),
  ).toBe('from the proxy');
});

test('after unlink the node shows that its content is undefined, in the same file', async () => {
  const { store, nodes, node, appeared } = openProxy();
  nodes.present('00002', wwn);
  await appeared();
  const { ino } = statSync(node);
  fill(store, '00001', 3, 1);
  const snapshot = establishAndLink(store);

  store.unlink({ ...snapshot, pairs, symforce: false });

  expect(statSync(node)).toMatchObject({ ino, size: CYLINDER_BYTES });
  expect(readFileSync(node).toString('utf8', 3 * TRACK_BYTES, 3 * TRACK_BYTES + 9)).toBe('UNDEFINED');
  expect(content(store, '00002').equals(readFileSync(node))).toBe(true);
});

test('nodes of an earlier lab are gone until the device is presented again', async () => {
  const { store, nodes, byId, events, pace, appeared } = openProxy();
  nodes.present('00002', wwn);
  await appeared();

  const next = new DeviceNodes(byId, { store, pace, events, rescanMs: 0 });
  expect(readdirSync(byId)).toEqual([]);
  next.present('00002', wwn);
  await appeared();
  next.close();

  expect(readdirSync(byId)).toEqual([]);
});

test('a name that is no WWN does not become a path', () => {
  const { nodes, byId } = openProxy();

  expect(() => nodes.present('00002', '../../etc/passwd')).toThrow('32 hex digits');
  expect(readdirSync(byId)).toEqual([]);
});

test('a device presented as an NVMe namespace appears by its NGUID', async () => {
  const { nodes, byId, events } = openProxy();

  nodes.present('00002', wwn, 'NVMe');
  while (!events.events.some(({ operation }) => operation === 'node-appears'))
    await new Promise((resolve) => setTimeout(resolve, 1));

  expect(readdirSync(byId)).toEqual(['nvme-eui.00465330303030320000976000019790']);
});
