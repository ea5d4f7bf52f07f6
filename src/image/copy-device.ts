import { open } from 'node:fs/promises';
import { type ImageFile, LEAF_BYTES } from '../ports/images.ts';
import { deviceContent } from './device-content.ts';
import type { ImageSink } from './image-sink.ts';
import type { OpenInspector } from './leaf-inspector.ts';
import { type Leaf, leavesOf } from './leaves.ts';
import { TreeHash } from './tree-hash.ts';

/** Reads the first `sizeBytes` of a device once, hashes them, and gives the sink what is not zero. */
export async function copyDevice(
  { devicePath, sizeBytes }: { readonly devicePath: string; readonly sizeBytes: number },
  sink: ImageSink,
  progress: (doneBytes: number) => void,
  signal: AbortSignal,
  openInspector?: OpenInspector,
): Promise<Pick<ImageFile, 'dataBytes' | 'contentHash'>> {
  const device = await open(devicePath, 'r');
  try {
    const hash = new TreeHash(LEAF_BYTES);
    let dataBytes = 0;
    const content = deviceContent(device, devicePath, sizeBytes);
    for await (const leaf of leavesOf(content, LEAF_BYTES, signal, openInspector)) {
      hash.add(leaf.blake2b);
      for (const { start, end } of leaf.stretches) dataBytes += end - start;
      const writing = writeLeaf(leaf, sink);
      leaf.keepFor(writing);
      if (sink.order === 'ascending') await writing;
      progress(leaf.positionBytes + leaf.content.length);
    }
    const contentHash = hash.end();
    await sink.finish(contentHash);
    return { dataBytes, contentHash };
  } finally {
    await device.close();
  }
}

async function writeLeaf({ content, positionBytes, stretches }: Leaf, sink: ImageSink): Promise<void> {
  for (const { start, end } of stretches) await sink.write(content.subarray(start, end), positionBytes + start);
}
