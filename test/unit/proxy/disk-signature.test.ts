import { writeVmfsHeaders } from '../../../src/lab/devices/vmfs-header.ts';
import { readSignature } from '../../../src/proxy/disk-signature.ts';

const MIB = 1024 * 1024;
const VOLUME = {
  uuid: '5f3c2a10-0b7d9e4c-1a2b-000c29a1b2c3',
  label: 'ds',
  volumeUuid: '5f3c2a0f-1d2e3f40-0a1b-000c29a1b2c0',
};

const memory = (bytes: Buffer) => ({
  sizeBytes: bytes.length,
  read: (at: number, length: number) => bytes.subarray(at, at + length),
  write: (at: number, data: Uint8Array) => bytes.set(data, at),
});
const signatureOf = (bytes: Buffer) =>
  readSignature(async (at, length) => bytes.subarray(at, at + length), bytes.length);

function extents(count: number): readonly Buffer[] {
  const buffers = Array.from({ length: count }, () => Buffer.alloc(24 * MIB));
  writeVmfsHeaders(buffers.map(memory), VOLUME);
  return buffers;
}

test('the head extent shows the file system and its volume, the others the volume alone', async () => {
  const [head, second] = await Promise.all(extents(2).map(signatureOf));

  expect(head?.vmfs).toEqual({ volumeUuid: VOLUME.volumeUuid, fileSystemUuid: VOLUME.uuid });
  expect(second?.vmfs).toEqual({ volumeUuid: VOLUME.volumeUuid, fileSystemUuid: undefined });
  expect(head?.diskId).toMatch(/^gpt:[0-9a-f-]{36}$/);
  expect(second?.diskId).not.toBe(head?.diskId);
});

test('VMFS 6 tells itself where the information of its volume is', async () => {
  const [head = Buffer.alloc(0)] = extents(1);
  const lvm = 2 * MIB;
  head.copy(head, lvm + 0x2000, lvm + 0x200, lvm + 0x400);
  head.fill(0, lvm + 0x200, lvm + 0x400);
  head.writeUInt32LE(6, lvm + 4);
  head.writeUInt32LE(0x2000, lvm + 0xca);

  expect((await signatureOf(head)).vmfs?.volumeUuid).toBe(VOLUME.volumeUuid);
});

test('VMFS on a disk with an MBR is found by the type of its partition', async () => {
  const [head = Buffer.alloc(0)] = extents(1);
  head.fill(0, 0, MIB);
  head.writeUInt32LE(0xdeadbeef, 440);
  head[450] = 0xfb;
  head.writeUInt32LE(2048, 454);
  head.writeUInt16LE(0xaa55, 510);

  expect(await signatureOf(head)).toMatchObject({ diskId: 'mbr:deadbeef', vmfs: { fileSystemUuid: VOLUME.uuid } });
});

test.each<[string, (head: Buffer) => void]>([
  ['an empty disk', (head) => head.fill(0)],
  ['a VMFS partition without header', (head) => head.fill(0, 2 * MIB, 3 * MIB)],
  ['random bytes', (head) => head.fill(0xa5)],
])('%s has no VMFS signature', async (_what, spoil) => {
  const [head = Buffer.alloc(0)] = extents(1);
  spoil(head);

  expect((await signatureOf(head)).vmfs).toBeUndefined();
});

test('a disk of a few sectors, and a table that promises more than there is, are read without an error', async () => {
  expect(await signatureOf(Buffer.alloc(700))).toEqual({ diskId: undefined, vmfs: undefined });
  const [head = Buffer.alloc(0)] = extents(1);
  expect((await signatureOf(head.subarray(0, 1100))).vmfs).toBeUndefined();
  head.writeUInt32LE(0xffffffff, 512 + 84);
  expect(await signatureOf(head)).toMatchObject({ diskId: expect.stringMatching(/^gpt:/), vmfs: undefined });
});
