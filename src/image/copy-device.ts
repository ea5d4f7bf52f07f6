import { type ImageFile, LEAF_BYTES } from '../ports/images.ts';
import { openDevice } from './device-content.ts';
import { EarlyFlush } from './early-flush.ts';
import type { ImageSink } from './image-sink.ts';
import { leavesOf } from './leaves.ts';
import { TreeHash } from './tree-hash.ts';

/** Reads the first `sizeBytes` of a device once, hashes them, and gives the sink what is not zero. */
export async function copyDevice(
  { devicePath, sizeBytes }: { readonly devicePath: string; readonly sizeBytes: number },
  sink: ImageSink,
  progress: (doneBytes: number) => void,
  signal: AbortSignal,
): Promise<Pick<ImageFile, 'dataBytes' | 'contentHash'>> {
  const device = await openDevice(devicePath, sizeBytes);
  try {
    const hash = new TreeHash(LEAF_BYTES);
    const flush = new EarlyFlush(sink.file);
    let dataBytes = 0;
    const copy = sink.takes === 'copy' ? { copyTo: sink.file } : {};
    for await (const leaf of leavesOf(device, LEAF_BYTES, signal, copy)) {
      hash.add(leaf.blake2b);
      for (const { start, end } of leaf.stretches) {
        dataBytes += end - start;
        if (sink.takes === 'stretches') await sink.write(leaf.content.subarray(start, end), leaf.positionBytes + start);
      }
      flush.written(dataBytes);
      progress(leaf.positionBytes + leaf.content.length);
    }
    const contentHash = hash.end();
    await sink.finish(contentHash);
    await flush.end();
    return { dataBytes, contentHash };
  } finally {
    await device.file.close();
  }
}
