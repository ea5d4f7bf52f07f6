import { mkdirSync } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { copyDevice } from '../../src/image/copy-device.ts';
import { PIECE_BYTES } from '../../src/image/image-sink.ts';
import type { InspectedLeaf, OpenInspector } from '../../src/image/leaf-inspector.ts';
import { rawSink } from '../../src/image/raw-image.ts';

export interface ExportRequest {
  readonly device: string;
  readonly sizeBytes: number;
  readonly directory: string;
  readonly hashes: boolean;
}

export interface ExportFigures {
  readonly seconds: number;
  readonly peakMib: number;
}

const ZEROS = Buffer.alloc(PIECE_BYTES);

/** Finds zeros, as the product does, and hashes nothing. */
const withoutHash: OpenInspector = (memory) => ({
  async inspect(startBytes, lengthBytes): Promise<InspectedLeaf> {
    const leaf = Buffer.from(memory, startBytes, lengthBytes);
    const stretches: { start: number; end: number }[] = [];
    for (let start = 0; start < lengthBytes; start += PIECE_BYTES) {
      const end = Math.min(start + PIECE_BYTES, lengthBytes);
      const last = stretches.at(-1);
      if (leaf.compare(ZEROS, 0, end - start, start, end) === 0) continue;
      if (last?.end === start) last.end = end;
      else stretches.push({ start, end });
    }
    return { blake2b: '', stretches };
  },
  close: async () => {},
});

/** One raw export in a process of its own, made durable; prints its figures as JSON. */
export async function runExportClient({ device, sizeBytes, directory, hashes }: ExportRequest): Promise<void> {
  mkdirSync(directory, { recursive: true });
  const startMs = performance.now();
  const file = await open(path.join(directory, 'disk.raw'), 'w');
  try {
    const image = { path: 'disk.raw', format: 'raw', sizeBytes } as const;
    const sink = await rawSink(image, [file]);
    const signal = new AbortController().signal;
    const source = { devicePath: device, sizeBytes };
    await copyDevice(source, sink, () => undefined, signal, hashes ? undefined : withoutHash);
    await file.sync();
  } finally {
    await file.close();
  }
  const seconds = (performance.now() - startMs) / 1000;
  const figures: ExportFigures = { seconds, peakMib: process.resourceUsage().maxRSS / 1024 };
  process.stdout.write(`${JSON.stringify(figures)}\n`);
}
