import { mkdirSync } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { copyDevice } from '../../src/image/copy-device.ts';
import { rawSink } from '../../src/image/raw-image.ts';

export interface ExportRequest {
  readonly device: string;
  readonly sizeBytes: number;
  readonly directory: string;
}

export interface ExportFigures {
  readonly seconds: number;
  /** Of all threads of the process, those of the kernel included. */
  readonly processorSeconds: number;
  readonly peakMib: number;
}

/** One raw export in a process of its own, made durable; prints its figures as JSON. */
export async function runExportClient({ device, sizeBytes, directory }: ExportRequest): Promise<void> {
  mkdirSync(directory, { recursive: true });
  const [startMs, startCpu] = [performance.now(), process.cpuUsage()];
  const file = await open(path.join(directory, 'disk.raw'), 'w');
  try {
    const image = { path: 'disk.raw', format: 'raw', sizeBytes } as const;
    const sink = await rawSink(image, [file]);
    const signal = new AbortController().signal;
    const source = { devicePath: device, sizeBytes };
    await copyDevice(source, sink, () => undefined, signal);
    await file.sync();
  } finally {
    await file.close();
  }
  const seconds = (performance.now() - startMs) / 1000;
  const { user, system } = process.cpuUsage(startCpu);
  const processorSeconds = (user + system) / 1e6;
  const figures: ExportFigures = { seconds, processorSeconds, peakMib: process.resourceUsage().maxRSS / 1024 };
  process.stdout.write(`${JSON.stringify(figures)}\n`);
}
