import { mkdirSync } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import type { ContentHash } from '../../src/image/content-hash.ts';
import { copyDevice } from '../../src/image/copy-device.ts';
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

const noHash: ContentHash = { update: async () => {}, digest: async () => '', close: async () => {} };

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
    await copyDevice(source, sink, () => undefined, signal, hashes ? undefined : () => noHash);
    await file.sync();
  } finally {
    await file.close();
  }
  const seconds = (performance.now() - startMs) / 1000;
  const figures: ExportFigures = { seconds, peakMib: process.resourceUsage().maxRSS / 1024 };
  process.stdout.write(`${JSON.stringify(figures)}\n`);
}
