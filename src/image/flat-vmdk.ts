import path from 'node:path';
import { filesOfImage } from '../ports/images.ts';
import { writeFull } from './file-io.ts';
import { requireWholeSectors } from './image-sink.ts';
import { rawSink } from './raw-image.ts';
import { vmdkDescriptor } from './vmdk-descriptor.ts';
import type { OpenSink } from './write-image.ts';

/** `monolithicFlat`: a descriptor, and beside it an extent with the bytes of the device. */
export const flatVmdkSink: OpenSink = async (image, [descriptor, extent]) => {
  if (!descriptor || !extent) throw new TypeError('a flat VMDK has two files');
  requireWholeSectors(image.sizeBytes);
  const extentName = path.posix.basename(filesOfImage(image)[1]?.path ?? '');
  return {
    ...(await rawSink(image, [extent])),
    async finish(contentHash) {
      const text = vmdkDescriptor('monolithicFlat', { sizeBytes: image.sizeBytes, extentName, contentHash });
      await writeFull(descriptor, Buffer.from(text), 0);
    },
  };
};
