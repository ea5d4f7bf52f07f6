import fc from 'fast-check';
import { PIECE_BYTES as GRAIN_BYTES } from '../../../src/image/image-sink.ts';
import { sectorAfter, vmdkForUpload } from '../../../src/image/vmdk-upload.ts';
import { parseStreamVmdk } from '../../../src/lab/vcenter/import/stream-vmdk.ts';
import { SEED } from '../../seed.ts';

const SECTOR_BYTES = 512;
const GRAINS_PER_TABLE = 512;
const HASH = { algorithm: 'blake2b-512-tree', leafBytes: 4 * 1024 * 1024, value: 'ab'.repeat(64) } as const;

interface Stretch {
  readonly grain: number;
  readonly byte: number;
}

/** A disk of zeros with some grains filled. */
async function* grainsOf(capacityBytes: number, stretches: readonly Stretch[]) {
  for (let at = 0; at < capacityBytes; at += GRAIN_BYTES) {
    const byte = stretches.find(({ grain }) => grain === at / GRAIN_BYTES)?.byte ?? 0;
    yield Buffer.alloc(Math.min(GRAIN_BYTES, capacityBytes - at), byte);
  }
}

async function vmdkOf(capacityBytes: number, grains: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of vmdkForUpload({ sizeBytes: capacityBytes, contentHash: HASH }, grains)) parts.push(part);
  return Buffer.concat(parts);
}

test('a strict reader finds every disk again, whatever its size and wherever its data, and nothing for zeros', async () => {
  const disks = fc.record({
    sectors: fc.integer({ min: 1, max: (GRAINS_PER_TABLE + 20) * 128 }),
    stretches: fc.array(fc.record({ grain: fc.nat(GRAINS_PER_TABLE + 20), byte: fc.integer({ min: 1, max: 255 }) })),
  });
  const property = fc.asyncProperty(disks, async ({ sectors, stretches }) => {
    const capacityBytes = sectors * SECTOR_BYTES;
    const disk = parseStreamVmdk(await vmdkOf(capacityBytes, grainsOf(capacityBytes, stretches)));
    expect(disk.capacityBytes).toBe(capacityBytes);
    const found = new Map(disk.pieces.map(({ atBytes, bytes }) => [atBytes / GRAIN_BYTES, bytes]));
    let grain = 0;
    for await (const bytes of grainsOf(capacityBytes, stretches)) {
      const isZero = bytes[0] === 0;
      expect([grain, found.get(grain)?.equals(bytes)]).toEqual([grain, isZero ? undefined : true]);
      grain += 1;
    }
  });

  await fc.assert(property, { seed: SEED, numRuns: 12 });
});

test('a part that would lie behind the last sector a table can name is refused, before its number wraps', () => {
  const last = 0xffff_ffff;
  expect(sectorAfter(last - 2, 2 * SECTOR_BYTES)).toBe(last);
  expect(() => sectorAfter(last - 2, 3 * SECTOR_BYTES)).toThrow(expect.objectContaining({ code: 'E_RESTORE' }));
});

test('what fails at the end of the disk keeps the end of the file back: no reader takes it for whole', async () => {
  async function* damaged() {
    yield* grainsOf(3 * GRAIN_BYTES, [{ grain: 1, byte: 7 }]);
    throw new Error('not the content it should be');
  }
  const parts: Uint8Array[] = [];
  const reading = async () => {
    for await (const part of vmdkForUpload({ sizeBytes: 3 * GRAIN_BYTES, contentHash: HASH }, damaged()))
      parts.push(part);
  };

  await expect(reading()).rejects.toThrow('not the content');
  expect(() => parseStreamVmdk(Buffer.concat(parts))).toThrow('ends before');
});

test('the reader of the lab refuses a file with any of its tables, markers or ends changed', async () => {
  const vmdk = await vmdkOf(
    4 * GRAIN_BYTES,
    grainsOf(4 * GRAIN_BYTES, [
      { grain: 0, byte: 1 },
      { grain: 2, byte: 2 },
    ]),
  );
  const overheadBytes = 128 * SECTOR_BYTES;
  expect(() => parseStreamVmdk(vmdk)).not.toThrow();
  expect(() => parseStreamVmdk(vmdk.subarray(0, -SECTOR_BYTES))).toThrow();
  for (const [at, value] of [
    [0, 0], // magic
    [4, 1], // version
    [12, 200], // capacity
    [73, 13], // line ends
    [overheadBytes, 9], // place of the first grain
    [overheadBytes + 8, 10], // its length
  ] as const) {
    const changed = Buffer.from(vmdk);
    changed[at] = value;
    expect([at, failureOf(() => parseStreamVmdk(changed))]).not.toEqual([at, undefined]);
  }
});

function failureOf(work: () => unknown): unknown {
  try {
    work();
    return undefined;
  } catch (error) {
    return error;
  }
}
