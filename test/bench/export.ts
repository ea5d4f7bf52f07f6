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

type Source = 'file' | 'block device';

interface Times {
  readonly qemu: readonly number[];
  readonly bare: readonly ExportFigures[];
  readonly hashed: readonly ExportFigures[];
}

/**
 * Raw exports beside `qemu-img convert -W -m 8` of the same sparse device, as a file and as a block device, and their memory. Each round
 * makes all three, in turn.
 */
export async function benchExport(): Promise<BenchResult> {
  const folder = mkdtempSync(path.join(tmpdir(), 'snaphook-bench-export-'));
  try {
    const device = path.join(folder, 'device');
    makeDevice(device, SIZE_BYTES, 2 * STRETCH_BYTES);
    const times = new Map<Source, Times>([['file', measured(device, folder)]]);
    const attached = attach(device);
    if (attached !== undefined) {
      try {
        times.set('block device', measured(attached, folder));
      } finally {
        execFileSync('losetup', ['-d', attached]);
      }
    }
    rmSync(device);
    const peaks = MEMORY_SIZES_GIB.map((gib) => {
      makeDevice(device, gib * GIB, GIB);
      const request = { device, sizeBytes: gib * GIB, directory: path.join(folder, 'memory') };
      return { gib, peakMib: exported(request).peakMib };
    });
    return resultOf(times, peaks);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function measured(device: string, folder: string): Times {
  const times = { qemu: [] as number[], bare: [] as ExportFigures[], hashed: [] as ExportFigures[] };
  const request = { device, sizeBytes: SIZE_BYTES, directory: path.join(folder, 'ours') };
  for (let round = 0; round < ROUNDS; round += 1) {
    times.qemu.push(convert(device, path.join(folder, 'qemu.raw')));
    times.bare.push(exported(request, ['--require', path.resolve('test/bench/without-hash.cjs')]));
    times.hashed.push(exported(request));
  }
  return times;
}

/** Undefined where this user may not, or the system knows no such devices. */
function attach(file: string): string | undefined {
  try {
    return execFileSync('losetup', ['--find', '--show', '--read-only', file], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return undefined;
  }
}

function resultOf(
  times: ReadonlyMap<Source, Times>,
  peaks: readonly { readonly gib: number; readonly peakMib: number }[],
): BenchResult {
  const best = (seconds: readonly number[]) => Math.min(...seconds);
  const secondsOf = (exports: readonly ExportFigures[]) => exports.map(({ seconds }) => seconds);
  const ratio = (qemu: readonly number[], exports: readonly ExportFigures[]) => best(qemu) / best(secondsOf(exports));
  const timesOf = (what: string, seconds: readonly number[]) => ({
    what,
    'best s': rounded(best(seconds), 2),
    'all s': seconds.map((one) => one.toFixed(2)).join(' '),
  });
  const row = (what: string, qemu: readonly number[], exports: readonly ExportFigures[]) => ({
    ...timesOf(what, secondsOf(exports)),
    'processor s': rounded(best(exports.map(({ processorSeconds }) => processorSeconds)), 2),
    'speed against qemu-img': rounded(ratio(qemu, exports), 2),
  });
  const goal = (name: string, limit: number, measured: number) => ({
    name,
    limit: `${limit} x`,
    measured: `${rounded(measured, 2)} x`,
    met: measured >= limit,
  });
  const growthMib = Math.max(...peaks.map(({ peakMib }) => peakMib)) - Math.min(...peaks.map(({ peakMib }) => peakMib));
  const all = [...times];
  return {
    bench: 'export',
    conditions: { 'device GiB': SIZE_BYTES / GIB, 'data GiB': SIZE_BYTES / 2 / GIB, rounds: ROUNDS },
    rows: [
      ...all.flatMap(([source, { qemu, bare, hashed }]) => [
        timesOf(`qemu-img convert -W -m 8, ${source}`, qemu),
        row(`raw without hash, ${source}`, qemu, bare),
        row(`raw with hash, ${source}`, qemu, hashed),
      ]),
      ...peaks.map(({ gib, peakMib }) => ({ what: `memory at ${gib} GiB`, 'peak MiB': rounded(peakMib, 0) })),
    ],
    goals: [
      ...all.flatMap(([source, { qemu, bare, hashed }]) => [
        goal(`raw export without hash, ${source}`, 1, ratio(qemu, bare)),
        goal(`raw export with hash, ${source}`, 0.6, ratio(qemu, hashed)),
      ]),
      {
        name: `memory from ${MEMORY_SIZES_GIB.join(' to ')} GiB`,
        limit: `grows by ${MEMORY_LIMIT_MIB} MiB`,
        measured: `${rounded(growthMib, 0)} MiB`,
        met: growthMib <= MEMORY_LIMIT_MIB,
      },
    ],
    notes: [
      'Each time ends when the image is on disk. The product always hashes: without is the same program, whose hash is taken away.',
      'Of a sparse file qemu-img asks the file system for the holes; of a block device it reads the zeros, as snaphook does of both.',
      ...(times.has('block device') ? [] : ['A block device was not measured: losetup needs root.']),
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

function exported(request: ExportRequest, options: readonly string[] = []): ExportFigures {
  rmSync(request.directory, { recursive: true, force: true });
  const program = process.argv[1] ?? '';
  const figures: ExportFigures = JSON.parse(
    execFileSync(process.execPath, [...options, program, '--as-export-client', JSON.stringify(request)], {
      encoding: 'utf8',
    }),
  );
  rmSync(request.directory, { recursive: true });
  return figures;
}
