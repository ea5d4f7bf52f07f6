import { existsSync } from 'node:fs';
import path from 'node:path';
import { NbdServer } from '../../../src/lab/devices/nbd-server.ts';
import { CYLINDER_BYTES, TRACK_BYTES } from '../../../src/lab/devices/store-contract.ts';
import { exportRequest, NbdClient, sized, u32 } from './nbd-client.ts';
import { byteOf, fillTrack, openFixture, removeFixtures, type StoreFixture, snapOf } from './store-fixture.ts';

const EPERM = 1;
const EIO = 5;
const EINVAL = 22;
const ENOSPC = 28;
const MAX_BYTES = 32 * 1024 * 1024;
const UNSUPPORTED = 0x80000001;
const INVALID = 0x80000003;
const UNKNOWN = 0x80000006;
const TOO_BIG = 0x80000009;

let fixture: StoreFixture;
let server: NbdServer;
let port: number;
const clients: NbdClient[] = [];

beforeEach(async () => {
  fixture = openFixture({ generation: 'V4' });
  server = await NbdServer.start({ store: fixture.store, events: fixture.events, listen: { port: 0 } });
  port = Number(new URL(server.uri('00001')).port);
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await server.close();
  removeFixtures();
  const defects = fixture.events.events.filter(({ detail }) => detail.defect !== undefined);
  expect(defects).toEqual([]);
});

async function greeted(flags?: number): Promise<NbdClient> {
  const client = await NbdClient.open(port, flags);
  clients.push(client);
  return client;
}

async function opened(name: string, structured = false): Promise<NbdClient> {
  const client = await NbdClient.opened(port, name, structured);
  clients.push(client);
  return client;
}

const block = (fill: number, length = 4096) => Buffer.alloc(length, fill);

describe('the negotiation', () => {
  test('lists devices by id and their snapshots by id and snap id', async () => {
    const { snapId } = fixture.store.establish({ name: 'snap', devices: ['00001'] });

    const replies = await (await greeted()).option(3);

    const names = replies.slice(0, -1).map(({ data }) => data.subarray(4).toString());
    expect(names).toEqual(['00001', `00001@${snapId}`, '00002', '00003']);
    expect(replies.at(-1)?.type).toBe(1);
  });

  test('tells size, flags, name, description and block sizes before and when it opens an export', async () => {
    const client = await greeted();
    for (const kind of [6, 7]) {
      const replies = await client.option(kind, exportRequest('00001'));

      const infos = new Map(replies.slice(0, -1).map(({ data }) => [data.readUInt16BE(), data.subarray(2)]));
      expect(infos.get(0)?.readBigUInt64BE()).toBe(BigInt(CYLINDER_BYTES));
      expect(infos.get(0)?.readUInt16BE(8)).toBe(1 | 4 | 8 | 32 | 64 | 256);
      expect(infos.get(1)?.toString()).toBe('00001');
      expect(infos.get(2)?.toString()).toBe('device "00001"');
      expect(infos.get(3)).toEqual(Buffer.concat([u32(1), u32(TRACK_BYTES), u32(MAX_BYTES)]));
      expect(replies.at(-1)?.type).toBe(1);
    }
    expect((await client.read(0, 512)).error).toBe(0);
  });

  test('what it cannot do is refused, and the negotiation goes on', async () => {
    const client = await greeted();
    const refusal = async (kind: number, data?: Buffer) => (await client.option(kind, data)).map(({ type }) => type);

    expect(await refusal(7, exportRequest('0000F'))).toEqual([UNKNOWN]);
    expect(await refusal(7, exportRequest('00001@1'))).toEqual([UNKNOWN]);
    expect(await refusal(7, sized('00001'))).toEqual([INVALID]);
    expect(await refusal(3, block(1))).toEqual([INVALID]);
    expect(await refusal(5)).toEqual([UNSUPPORTED]);
    expect(await refusal(7, block(1, 65537))).toEqual([TOO_BIG]);
    expect(await refusal(10, Buffer.concat([sized('00001'), u32(0)]))).toEqual([INVALID]);
    expect(await refusal(8)).toEqual([1]);
    expect(await refusal(10, Buffer.concat([sized('00001'), u32(0xffffffff)]))).toEqual([INVALID]);
    expect(await refusal(9, Buffer.concat([sized('00001'), u32(0)]))).toEqual([4, 1]);
    expect(await refusal(9, Buffer.concat([sized('00001'), u32(1), sized('qemu:')]))).toEqual([1]);
    expect((await refusal(7, exportRequest('00001'))).at(-1)).toBe(1);
  });

  test('the old way to open works, with its zeros for who wants them, and hangs up on an unknown name', async () => {
    for (const [flags, zeros] of [
      [1, 124],
      [3, 0],
    ] as const) {
      const client = await greeted(flags);
      client.socket.write(Buffer.concat([Buffer.from('IHAVEOPT'), u32(1), sized('00001')]));
      expect((await client.take(10 + zeros)).readBigUInt64BE()).toBe(BigInt(CYLINDER_BYTES));
      expect((await client.read(0, 512)).data).toEqual(block(0, 512));
    }
    const lost = await greeted();
    lost.socket.write(Buffer.concat([Buffer.from('IHAVEOPT'), u32(1), sized('0000F')]));
    expect(await lost.hungUp()).toBe(true);
  });

  test('it hangs up after an abort, on unknown flags, and on bytes that are no option', async () => {
    const leaving = await greeted();
    expect((await leaving.option(2)).map(({ type }) => type)).toEqual([1]);
    expect(await leaving.hungUp()).toBe(true);
    expect(await (await greeted(7)).hungUp()).toBe(true);
    const lost = await greeted();
    lost.socket.write(block(0, 16));
    expect(await lost.hungUp()).toBe(true);
  });
});

describe.each([
  ['simple', false],
  ['structured', true],
])('with %s replies', (_name, structured) => {
  test('what is written is on the device at once, and another connection reads it', async () => {
    const writer = await opened('00001', structured);
    const reader = await opened('00001', structured);

    expect((await writer.write(TRACK_BYTES - 2048, block(0xa1))).error).toBe(0);
    expect((await writer.flush()).error).toBe(0);

    expect(byteOf(fixture.store, '00001', 1)).toBe(0xa1);
    expect((await reader.read(TRACK_BYTES - 2048, 4096)).data).toEqual(block(0xa1));
  });

  test('a range beyond the end is refused as a disk refuses it, and the connection goes on', async () => {
    const client = await opened('00001', structured);
    const at = CYLINDER_BYTES - 2048;
    const errors = [
      await client.read(at, 4096),
      await client.trim(at, 4096),
      await client.write(at, block(1)),
      await client.writeZeroes(at, 4096),
      await client.read(Number.MAX_SAFE_INTEGER, 1),
    ].map(({ error }) => error);

    expect(errors).toEqual([EINVAL, EINVAL, ENOSPC, ENOSPC, EINVAL]);
    expect((await client.read(at, 2048)).data).toEqual(block(0, 2048));
  });

  test('a request that is too long, empty, unknown or oddly flagged is refused, and the connection goes on', async () => {
    const client = await opened('00001', structured);
    const errors = [
      await client.read(0, MAX_BYTES + 1),
      await client.write(0, block(1, MAX_BYTES + 1)),
      await client.read(0, 0),
      await client.command(9, 0, 512),
      await client.command(0, 0, 512, { flags: 64 }),
      await client.command(3, 512, 512),
    ].map(({ error }) => error);

    expect(errors).toEqual(errors.map(() => EINVAL));
    expect((await client.read(0, 512)).data).toEqual(block(0, 512));
  });

  test('a snapshot shows its point in time, and cannot be changed', async () => {
    fillTrack(fixture.store, '00001', 0, 1);
    const { snapId } = fixture.store.establish({ name: 'snap', devices: ['00001'] });
    const source = await opened('00001', structured);
    const snapshot = await opened(`00001@${snapId}`, structured);

    await source.write(0, block(2));

    expect((await snapshot.read(0, 4096)).data).toEqual(block(1));
    const refused = [
      await snapshot.write(0, block(3)),
      await snapshot.trim(0, 4096),
      await snapshot.writeZeroes(0, 4096),
    ];
    expect(refused.map(({ error }) => error)).toEqual([EPERM, EPERM, EPERM]);
    expect((await snapshot.read(0, 4096)).data).toEqual(block(1));
  });

  test('a linked target shows the snapshot and keeps its own writes', async () => {
    fillTrack(fixture.store, '00001', 0, 1);
    const { snapId } = fixture.store.establish({ name: 'snap', devices: ['00001'] });
    fixture.store.link({ ...snapOf(snapId), pairs: [{ source: '00001', target: '00002' }], copy: false });
    const target = await opened('00002', structured);

    expect((await target.read(0, 4096)).data).toEqual(block(1));
    await target.write(4096, block(2));

    expect((await target.read(0, 8192)).data).toEqual(Buffer.concat([block(1), block(2)]));
    expect(fixture.store.linkOf('00002')?.info.modified).toBe(true);
    expect(byteOf(fixture.store, '00001', 0)).toBe(1);
  });

  test('trimmed and zeroed ranges read as zeros, byte for byte, and holes stay holes', async () => {
    const client = await opened('00001', structured);
    fillTrack(fixture.store, '00001', 2, 9);
    fillTrack(fixture.store, '00001', 4, 9);

    await client.trim(0, 2 * TRACK_BYTES + 512);
    await client.writeZeroes(4 * TRACK_BYTES + 512, TRACK_BYTES);

    expect((await client.read(2 * TRACK_BYTES, 1024)).data).toEqual(Buffer.concat([block(0, 512), block(9, 512)]));
    expect((await client.read(4 * TRACK_BYTES, 1024)).data).toEqual(Buffer.concat([block(9, 512), block(0, 512)]));
    expect(fixture.store.device('00001')?.allocatedTracks).toBe(2);
    await client.writeZeroes(0, TRACK_BYTES, 2);
    expect(fixture.store.device('00001')?.allocatedTracks).toBe(3);
  });

  test('when a device or a snapshot goes, its connection sees a failing disk', async () => {
    const { snapId } = fixture.store.establish({ name: 'snap', devices: ['00001'] });
    const snapshot = await opened(`00001@${snapId}`, structured);
    const device = await opened('00003', structured);
    fixture.store.terminate({ ...snapOf(snapId), devices: ['00001'] });
    fixture.store.deleteDevice('00003');

    expect((await snapshot.read(0, 512)).error).toBe(EIO);
    expect((await device.write(0, block(1))).error).toBe(EIO);
    expect((await device.read(0, 512)).error).toBe(EIO);
  });
});

test('structured errors say what was wrong', async () => {
  const client = await opened('00001', true);

  expect((await client.read(CYLINDER_BYTES, 1)).message).toContain(`beyond the ${CYLINDER_BYTES} bytes`);
});

test('block status tells data and holes of devices, targets and snapshots, cut to the range', async () => {
  fillTrack(fixture.store, '00001', 1, 1);
  fillTrack(fixture.store, '00001', 2, 1);
  const { snapId } = fixture.store.establish({ name: 'snap', devices: ['00001'] });
  fixture.store.link({ ...snapOf(snapId), pairs: [{ source: '00001', target: '00002' }], copy: false });
  fillTrack(fixture.store, '00001', 4, 1);
  const pointInTime = [
    [512, 3],
    [2 * TRACK_BYTES, 0],
    [12 * TRACK_BYTES, 3],
  ];

  for (const name of [`00001@${snapId}`, '00002']) {
    const client = await opened(name, true);
    expect(await client.blockStatus(TRACK_BYTES - 512, 14 * TRACK_BYTES + 512)).toEqual(pointInTime);
    expect(await client.blockStatus(TRACK_BYTES - 512, 14 * TRACK_BYTES + 512, 8)).toEqual(pointInTime.slice(0, 1));
  }
  const device = await opened('00001', true);
  expect(await device.blockStatus(3 * TRACK_BYTES, 3 * TRACK_BYTES)).toEqual([
    [TRACK_BYTES, 3],
    [TRACK_BYTES, 0],
    [TRACK_BYTES, 3],
  ]);
});

test('block status is refused to who did not choose its context for this export', async () => {
  const simple = await opened('00001');
  expect((await simple.command(7, 0, 512)).error).toBe(EINVAL);

  const other = await greeted();
  await other.option(8);
  other.structured = true;
  await other.option(10, Buffer.concat([sized('00002'), u32(1), sized('base:allocation')]));
  await other.option(7, exportRequest('00001'));
  expect((await other.command(7, 0, 512)).error).toBe(EINVAL);
});

test('a client that does not read its answers holds up its own requests, and nobody else', async () => {
  const lazy = await opened('00001');
  const other = await opened('00001');
  lazy.pause();
  for (let reads = 0; reads < 100; reads++) lazy.send(0, 0, CYLINDER_BYTES);
  await new Promise<void>((resolve) => {
    lazy.send(1, 0, 512, { data: block(5, 512) });
    lazy.socket.write('', () => resolve());
  });

  for (let turns = 0; turns < 50; turns++) expect((await other.read(0, 512)).data).toEqual(block(0, 512));
  lazy.resume();
  await lazy.take(100 * (16 + CYLINDER_BYTES) + 16);

  expect((await other.read(0, 512)).data).toEqual(block(5, 512));
});

test('many requests sent ahead are answered in order', async () => {
  const client = await opened('00001');
  for (let index = 0; index < 200; index++) {
    client.send(1, index * 512, 512, { data: block(index, 512), cookie: BigInt(index) });
  }
  for (let index = 0; index < 200; index++) {
    expect((await client.take(16)).readBigUInt64BE(8)).toBe(BigInt(index));
  }
  for (let index = 0; index < 200; index++) {
    expect(fixture.store.open('00001').read(index * 512, 1)[0]).toBe(index);
  }
});

test('it hangs up after a disconnect and on bytes that are no request', async () => {
  const leaving = await opened('00001');
  leaving.send(2, 0, 0);
  expect(await leaving.hungUp()).toBe(true);

  const lost = await opened('00001');
  lost.socket.write(block(0, 28));
  expect(await lost.hungUp()).toBe(true);
});

test('a client that breaks off within a write changes nothing', async () => {
  const client = await opened('00001');
  client.send(1, 0, 4096, { data: block(1, 2048) });
  client.socket.end();
  expect(await client.hungUp()).toBe(true);

  expect(byteOf(fixture.store, '00001', 0)).toBe(0);
});

test('close ends every connection and takes a unix socket away', async () => {
  const socketPath = path.join(fixture.folder, 'nbd.sock');
  const local = await NbdServer.start({ store: fixture.store, events: fixture.events, listen: { socketPath } });
  expect(local.uri('00001')).toBe(`nbd+unix:///00001?socket=${socketPath}`);
  expect(existsSync(socketPath)).toBe(true);
  const client = await opened('00001');

  await server.close();
  await local.close();

  expect(await client.hungUp()).toBe(true);
  expect(existsSync(socketPath)).toBe(false);
});
