import path from 'node:path';
import { insideOf } from '../platform/inside-of.ts';
import type { FileFormat, ImageShape } from '../ports/images.ts';
import { openBands } from './bands/read-bands.ts';
import { type ImageContent, ImageFileReader } from './image-content.ts';
import { readQcow2 } from './read-qcow2.ts';
import { readStreamVmdk } from './read-stream-vmdk.ts';

type OpenContent = (file: ImageFileReader) => Promise<ImageContent>;

const READERS: Readonly<Record<FileFormat, OpenContent>> = {
  raw: readRaw,
  'vmdk-flat': readFlatVmdk,
  'vmdk-stream': readStreamVmdk,
  qcow2: readQcow2,
};

/** Opens an image as it was written below the directory. Errors: `E_VERIFY`. */
export async function openImage(directory: string, { path: relative, format }: ImageShape): Promise<ImageContent> {
  if (format === 'bands') return openBands(insideOf(directory, relative));
  const file = await ImageFileReader.open(insideOf(directory, relative));
  try {
    return await READERS[format](file);
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function readRaw(file: ImageFileReader): Promise<ImageContent> {
  return file;
}

const MAX_DESCRIPTOR_BYTES = 64 * 1024;

/** The descriptor is closed when its extent is open. */
async function readFlatVmdk(descriptor: ImageFileReader): Promise<ImageContent> {
  if (descriptor.sizeBytes > MAX_DESCRIPTOR_BYTES) throw descriptor.damaged('it is no descriptor of a flat VMDK');
  const text = (await descriptor.bytes(0, descriptor.sizeBytes)).toString('utf8');
  const extents = text.split('\n').filter((line) => /^(RW|RDONLY|NOACCESS) /.test(line));
  const [, sectors, name] = /^RW (\d{1,15}) FLAT "([^"/\\\0]+)" 0\r?$/.exec(extents[0] ?? '') ?? [];
  if (!/^createType="monolithicFlat"\r?$/m.test(text) || extents.length !== 1 || !sectors || !name || name === '..') {
    throw descriptor.damaged('its descriptor does not name one flat extent beside it');
  }
  const extent = await ImageFileReader.open(path.join(path.dirname(descriptor.file), name));
  const sizeBytes = Number(sectors) * 512;
  if (extent.sizeBytes !== sizeBytes) {
    await extent.close();
    throw extent.damaged(`it has ${extent.sizeBytes} bytes, its descriptor says ${sizeBytes}`);
  }
  await descriptor.close();
  return extent;
}
