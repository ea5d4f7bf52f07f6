import type { BlockDevice } from '../devices/block-device.ts';

const BLOCK_BYTES = 4096;

/** Copy on write in memory: what is written stays here, the device below is only read. */
export function overlayDevice(below: BlockDevice): BlockDevice {
  const changed = new Map<number, Buffer>();
  const read = (offsetBytes: number, lengthBytes: number): Buffer => {
    const buffer = Buffer.from(below.read(offsetBytes, lengthBytes));
    forEachBlock(offsetBytes, lengthBytes, (block, from, at, count) => {
      changed.get(block)?.copy(buffer, at, from, from + count);
    });
    return buffer;
  };
  return {
    sizeBytes: below.sizeBytes,
    read,
    write(offsetBytes, data) {
      forEachBlock(offsetBytes, data.length, (block, from, at, count) => {
        const start = block * BLOCK_BYTES;
        const content = changed.get(block) ?? read(start, Math.min(BLOCK_BYTES, below.sizeBytes - start));
        content.set(data.subarray(at, at + count), from);
        changed.set(block, content);
      });
    },
  };
}

/** Calls with the block's number, the offset inside it, the offset inside the stretch, and the count of bytes. */
function forEachBlock(
  offsetBytes: number,
  lengthBytes: number,
  visit: (block: number, from: number, at: number, count: number) => void,
): void {
  for (let at = 0; at < lengthBytes; ) {
    const from = (offsetBytes + at) % BLOCK_BYTES;
    const count = Math.min(BLOCK_BYTES - from, lengthBytes - at);
    visit(Math.floor((offsetBytes + at) / BLOCK_BYTES), from, at, count);
    at += count;
  }
}
