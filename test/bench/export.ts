import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ExportFigures, ExportRequest } from './export-client.ts';
import type { BenchResult } from './result.ts';
import { rounded } from './statistics.ts';

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;
const SIZE_BYTES = 2 * GIB;
const STRETCH_BYTES = 8 * MIB;
const ROUNDS = 3;
const MEMORY_SIZES_GIB = [1, 50];
const MEMORY_LIMIT_MIB = 16;

/** Raw exports beside `qemu-img convert -W -m 8` of the same sparse device, and their memory. Each round makes all three, in turn. */
export async function benchExport(): Promise<BenchResult> {
  const folder = mkdtempSync(path.join(tmpdir(), 'snaphook-bench-export-'));
  try {
    const device = path.join(folder, 'device');
    makeDevice(device, SIZE_BYTES, 2 * STRETCH_BYTES);
    const times = { qemu: [] as number[], bare: [] as number[], hashed: [] as number[] };
    for (let round = 0; round < ROUNDS; round += 1) {
      times.qemu.push(convert(device, path.join(folder, 'qemu.raw')));
      times.bare.push(
        exported({ device, sizeBytes: SIZE_BYTES, directory: path.join(folder, 'bare'), hashes: false }).seconds,
      );
      times.hashed.push(
        exported({ device, sizeBytes: SIZE_BYTES, directory: path.join(folder, 'hashed'), hashes: true }).seconds,
      );
    }
    rmSync(device);
    const peaks = MEMORY_SIZES_GIB.map((gib) => {
      makeDevice(device, gib * GIB, GIB);
      const request = { device, sizeBytes: gib * GIB, directory: path.join(folder, 'memory'), hashes: true };
      return { gib, peakMib: exported(request).peakMib };
    });
    return resultOf(times, peaks);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function resultOf(
  times: Readonly<Record<'qemu' | 'bare' | 'hashed', readonly number[]>>,
  peaks: readonly { readonly gib: number; readonly peakMib: number }[],
): BenchResult {
  const best = (seconds: readonly number[]) => Math.min(...seconds);
  const ratio = (seconds: readonly number[]) => best(times.qemu) / best(seconds);
  const row = (what: string, seconds: readonly number[]) => ({
    what,
    'best s': rounded(best(seconds), 2),
    'all s': seconds.map((one) => one.toFixed(2)).join(' '),
    'speed against qemu-img': rounded(ratio(seconds), 2),
  });
  const growthMib = Math.max(...peaks.map(({ peakMib }) => peakMib)) - Math.min(...peaks.map(({ peakMib }) => peakMib));
  const goal = (name: string, seconds: readonly number[], limit: number) => ({
    name,
    limit: `${limit} x`,
    measured: `${rounded(ratio(seconds), 2)} x`,
    met: ratio(seconds) >= limit,
  });
  return {
    bench: 'export',
    conditions: { 'device GiB': SIZE_BYTES / GIB, 'data GiB': SIZE_BYTES / 2 / GIB, rounds: ROUNDS },
    rows: [
      row('qemu-img convert -W -m 8', times.qemu),
      row('raw, without hash', times.bare),
      row('raw, with hash', times.hashed),
      ...peaks.map(({ gib, peakMib }) => ({ what: `memory at ${gib} GiB`, 'peak MiB': rounded(peakMib, 0) })),
    ],
    goals: [
      goal('raw export without hash', times.bare, 1),
      goal('raw export with hash', times.hashed, 0.6),
      {
        name: `memory from ${MEMORY_SIZES_GIB.join(' to ')} GiB`,
        limit: `grows by ${MEMORY_LIMIT_MIB} MiB`,
        measured: `${rounded(growthMib, 0)} MiB`,
        met: growthMib <= MEMORY_LIMIT_MIB,
      },
    ],
    notes: [
      'Each time ends when the image is on disk. The device is a sparse file in the page cache: qemu-img asks the file system for its holes,',
      'snaphook reads and hashes them, as those of a block device.',
    ],
  };
}

/** A sparse file with a stretch of data at the begin of each interval. */
function makeDevice(file: string, sizeBytes: number, intervalBytes: number): void {
  const data = randomBytes(STRETCH_BYTES);
  const handle = openSync(file, 'w');
  ftruncateSync(handle, sizeBytes);
  for (let at = 0; at < sizeBytes; at += intervalBytes) writeSync(handle, data, 0, data.length, at);
  fsyncSync(handle);
  closeSync(handle);
}

function convert(device: string, image: string): number {
  rmSync(image, { force: true });
  const startMs = performance.now();
  execFileSync('qemu-img', ['convert', '-f', 'raw', '-O', 'raw', '-W', '-m', '8', device, image]);
  const handle = openSync(image, 'r+');
  fsyncSync(handle);
  closeSync(handle);
  return (performance.now() - startMs) / 1000;
}

function exported(request: ExportRequest): ExportFigures {
  rmSync(request.directory, { recursive: true, force: true });
  const program = process.argv[1] ?? '';
  const figures: ExportFigures = JSON.parse(
    execFileSync(process.execPath, [program, '--as-export-client', JSON.stringify(request)], { encoding: 'utf8' }),
  );
  rmSync(request.directory, { recursive: true });
  return figures;
}
