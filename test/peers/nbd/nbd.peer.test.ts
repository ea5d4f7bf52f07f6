import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { DeviceStore } from '../../../src/lab/devices/device-store.ts';
import { NbdServer } from '../../../src/lab/devices/nbd-server.ts';
import { CYLINDER_BYTES, TRACK_BYTES } from '../../../src/lab/devices/store-contract.ts';
import { EventLog } from '../../../src/lab/world/events.ts';
import { Pace } from '../../../src/lab/world/pace.ts';

const CYLINDERS = 40;
const SIZE_BYTES = CYLINDERS * CYLINDER_BYTES;
const SNAP = 'point';

const run = promisify(execFile);
const events = new EventLog();
let folder: string;
let store: DeviceStore;
let server: NbdServer;
/** Some megabytes with holes at the begin, in the middle and at the end. */
let content: Buffer;
let snapId: number;

const open = (id: string) => store.open(id);
const file = (name: string) => path.join(folder, name);
const link = (target: string) => ({
  name: SNAP,
  select: { snapId },
  pairs: [{ source: '00001', target }],
});

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'nbd-peer-'));
  store = DeviceStore.open(file('array'), { pace: new Pace(0), events, generation: 'V4' });
  for (const id of ['00001', '00002', '00003']) store.createDevice({ id, cylinders: CYLINDERS });
  content = Buffer.alloc(SIZE_BYTES);
  for (const track of [3, 4, 5, 100, 101, 400]) randomBytes(TRACK_BYTES).copy(content, track * TRACK_BYTES);
  for (const { firstTrack, tracks } of [
    { firstTrack: 3, tracks: 3 },
    { firstTrack: 100, tracks: 2 },
    { firstTrack: 400, tracks: 1 },
  ]) {
    const at = firstTrack * TRACK_BYTES;
    open('00001').write(at, content.subarray(at, at + tracks * TRACK_BYTES));
  }
  ({ snapId } = store.establish({ name: SNAP, devices: ['00001'] }));
  store.link({ ...link('00002'), copy: false });
  // The source goes on: neither snapshot nor target may show this.
  open('00001').write(4 * TRACK_BYTES, randomBytes(TRACK_BYTES));
  open('00001').write(50 * TRACK_BYTES, randomBytes(TRACK_BYTES));
});

afterAll(() => {
  store.close();
  rmSync(folder, { recursive: true });
});

describe.each(['unix socket', 'TCP'])('over %s', (transport) => {
  const listen = () => (transport === 'TCP' ? { port: 0 } : { socketPath: file('nbd.sock') });

  beforeAll(async () => {
    server = await NbdServer.start({ store, events, listen: listen() });
  });

  afterAll(() => server.close());

  test('nbdinfo lists the exports with their sizes and abilities', async () => {
    const { stdout } = await run('nbdinfo', ['--list', '--json', server.uri('')]);

    const { exports, protocol } = JSON.parse(stdout);
    expect(protocol).toBe('newstyle-fixed');
    const told = Object.fromEntries(exports.map((one: { 'export-name': string }) => [one['export-name'], one]));
    expect(Object.keys(told)).toEqual(['00001', `00001@${snapId}`, '00002', '00003']);
    const abilities = { 'export-size': SIZE_BYTES, can_flush: true, can_multi_conn: true };
    expect(told['00001']).toMatchObject({ ...abilities, is_read_only: false, can_trim: true, can_zero: true });
    expect(told[`00001@${snapId}`]).toMatchObject({ ...abilities, is_read_only: true, can_trim: false });
    expect(told['00002']).toMatchObject({ block_size_minimum: 1, block_size_preferred: TRACK_BYTES });
  });

  test('nbdinfo and qemu-img draw the same map of a linked target', async () => {
    const libnbd = JSON.parse((await run('nbdinfo', ['--map', '--json', server.uri('00002')])).stdout);
    const qemu = JSON.parse((await run('qemu-img', ['map', '--output=json', server.uri('00002')])).stdout);

    const data = [
      [3, 3],
      [100, 2],
      [400, 1],
    ].map(([first = 0, tracks = 0]) => [first * TRACK_BYTES, tracks * TRACK_BYTES]);
    const extents = libnbd.filter(({ type }: { type: number }) => type === 0);
    expect(extents.map(({ offset, length }: { offset: number; length: number }) => [offset, length])).toEqual(data);
    const allocated = qemu.filter(({ data: isData }: { data: boolean }) => isData);
    expect(allocated.map(({ start, length }: { start: number; length: number }) => [start, length])).toEqual(data);
  });

  test('nbdcopy copies a target and a snapshot as they were, sparsely, while the source is another already', async () => {
    for (const name of ['00002', `00001@${snapId}`]) {
      await run('nbdcopy', [server.uri(name), file('copy.raw')]);

      expect(readFileSync(file('copy.raw')).equals(content)).toBe(true);
      expect(statSync(file('copy.raw')).blocks * 512).toBeLessThan(SIZE_BYTES / 4);
      rmSync(file('copy.raw'));
    }
  });

  test('nbdcopy and qemu-img write a device, which then is what was written', async () => {
    for (const [program, args] of [
      ['nbdcopy', ['--destination-is-zero', file('new.raw'), server.uri('00003')]],
      ['qemu-img', ['convert', '-n', '-f', 'raw', '-O', 'raw', file('new.raw'), server.uri('00003')]],
    ] as const) {
      const fresh = Buffer.alloc(SIZE_BYTES);
      randomBytes(3_000_000).copy(fresh, 12_345);
      open('00003').write(0, Buffer.alloc(SIZE_BYTES));
      writeFileSync(file('new.raw'), fresh);

      await run(program, [...args]);

      expect(open('00003').read(0, SIZE_BYTES).equals(fresh)).toBe(true);
    }
  });

  test('qemu-img finds a snapshot and its target equal, and the source different', async () => {
    const compare = (other: string) =>
      run('qemu-img', ['compare', '-f', 'raw', '-F', 'raw', server.uri(`00001@${snapId}`), server.uri(other)]);

    expect((await compare('00002')).stdout).toContain('Images are identical');
    await expect(compare('00001')).rejects.toMatchObject({ code: 1, stdout: expect.stringContaining('mismatch') });
  });

  test('qemu-io writes, zeroes, discards and flushes byte for byte', async () => {
    open('00003').write(0, Buffer.alloc(TRACK_BYTES * 4, 0xee));
    const commands = ['write -P 0x11 512 1536', 'write -z -u 131072 65536', 'discard 262144 131072', 'flush'];
    const { stdout } = await run('qemu-io', ['-f', 'raw', ...commands.flatMap((c) => ['-c', c]), server.uri('00003')]);

    expect(stdout).not.toMatch(/fail|error/i);
    const expected = Buffer.alloc(TRACK_BYTES * 4, 0xee);
    expected.fill(0x11, 512, 2048).fill(0, 131_072, 196_608).fill(0, 262_144, 393_216);
    expect(
      open('00003')
        .read(0, TRACK_BYTES * 4)
        .equals(expected),
    ).toBe(true);
  });

  test('a snapshot cannot be written to, not even opened for it', async () => {
    writeFileSync(file('new.raw'), Buffer.alloc(SIZE_BYTES, 1));
    const before = store.readSnapshot('00001', snapId).read(0, SIZE_BYTES);

    await expect(run('nbdcopy', [file('new.raw'), server.uri(`00001@${snapId}`)])).rejects.toMatchObject({
      stderr: expect.stringMatching(/read-only|not permitted|does not support write/i),
    });
    expect(store.readSnapshot('00001', snapId).read(0, SIZE_BYTES).equals(before)).toBe(true);
  });
});

test('nobody met a defect of the lab', () => {
  expect(events.events.filter(({ detail }) => detail.defect !== undefined)).toEqual([]);
});
