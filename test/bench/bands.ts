import { spawnSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { closeSync, ftruncateSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { bandFolders } from '../../src/image/bands/bands.ts';
import { imageFiles } from '../../src/image/image-files.ts';
import type { StagedBands } from '../../src/ports/bands.ts';
import { BACKUP_PRODUCTS, type BackupProduct } from './backup-products.ts';
import type { BenchResult } from './result.ts';
import { rounded } from './statistics.ts';

const BAND_BYTES = 4 * 1024 * 1024;
const GIB = 1024 ** 3;
/** Of the bands, a block of 4 KiB in each. */
const CHANGED_SHARE = 0.01;
const WRITTEN_LIMIT = 1.1;
const BACKUP_LIMIT = 0.25;
const OWNER = { installation: 'bench', job: 'bench' };
const never = new AbortController().signal;
const ignore = () => undefined;

interface Export {
  readonly seconds: number;
  /** Handed to the file system, index and all. */
  readonly writtenBytes: number;
}

/** The second backup of a disk of which one in a hundred bands changed: as one raw image, and as bands. */
export async function benchBands(diskGib: number): Promise<BenchResult> {
  if (!Number.isInteger(diskGib) || diskGib < 1) throw new Error('--disk-gib is a whole number, 1 or more');
  const folder = mkdtempSync(path.join(os.tmpdir(), 'snaphook-bench-bands-'));
  try {
    return await measure(folder, diskGib * GIB);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(folder: string, sizeBytes: number): Promise<BenchResult> {
  const device = path.join(folder, 'device');
  const [asImage, asBands] = ['image', 'bands'].map((name) => path.join(folder, name)) as [string, string]; // two names
  for (const directory of [asImage, asBands]) mkdirSync(directory);
  makeDevice(device, sizeBytes);
  const missing = BACKUP_PRODUCTS.filter(({ program }) => spawnSync(program, ['--version']).error !== undefined);
  const products = BACKUP_PRODUCTS.filter((product) => !missing.includes(product));
  const repositoryOf = (product: BackupProduct, name: string) => path.join(folder, `${product.name}-${name}`);
  const backUp = (product: BackupProduct, directory: string) =>
    seconds(() => product.backUp(repositoryOf(product, path.basename(directory)), directory));

  const firstImage = await exportImage(asImage, device, sizeBytes);
  const first = await exportBands(asBands, device, sizeBytes, 'first');
  for (const product of products) {
    for (const directory of [asImage, asBands]) {
      product.init(repositoryOf(product, path.basename(directory)));
      backUp(product, directory);
    }
  }
  const changedBands = changeDevice(device, sizeBytes);
  // As a post hook and the next pre hook do: the image is removed and made anew, the bands stay.
  rmSync(path.join(asImage, 'disk.raw'));
  const secondImage = await exportImage(asImage, device, sizeBytes);
  const second = await exportBands(asBands, device, sizeBytes, 'second');
  if (second.staged.changedBands !== changedBands) throw new Error('the export did not find what was changed');

  const backups = products.map((product) => {
    const [image, bands] = [backUp(product, asImage), backUp(product, asBands)];
    return { product: product.name, version: product.version(), image, bands, ratio: bands / image };
  });
  const writtenRatio = second.writtenBytes / (changedBands * BAND_BYTES);
  return {
    bench: 'bands',
    conditions: {
      'disk GiB': sizeBytes / GIB,
      'of it data': '3/4',
      'bands MiB': BAND_BYTES / 1024 ** 2,
      'changed bands': changedBands,
    },
    rows: [
      row('export, first', firstImage.seconds, first.seconds),
      row('export, second', secondImage.seconds, second.seconds),
      ...backups.map(({ product, version, image, bands }) => row(`${product} ${version}, second backup`, image, bands)),
    ],
    goals: [
      {
        name: 'bytes written against those of the changed bands',
        limit: `${WRITTEN_LIMIT}`,
        measured: `${rounded(writtenRatio, 3)}`,
        met: writtenRatio <= WRITTEN_LIMIT,
      },
      ...backups.map(({ product, ratio }) => ({
        name: `second backup with ${product}, bands against one image`,
        limit: `${BACKUP_LIMIT}`,
        measured: `${rounded(ratio, 3)}`,
        met: ratio <= BACKUP_LIMIT,
      })),
    ],
    notes: missing.map(({ name, program }) => `${name} was not measured: there is no program "${program}" here`),
  };
}

const row = (what: string, imageSeconds: number, bandsSeconds: number) => ({
  what,
  'image s': rounded(imageSeconds, 2),
  'bands s': rounded(bandsSeconds, 2),
  ratio: rounded(bandsSeconds / imageSeconds, 3),
});

/** Data that neither compress nor repeat, and a hole at the end of every GiB. */
function makeDevice(device: string, sizeBytes: number): void {
  const file = openSync(device, 'w');
  const block = Buffer.alloc(BAND_BYTES);
  ftruncateSync(file, sizeBytes);
  for (let offset = 0; offset < sizeBytes; offset += BAND_BYTES) {
    if (offset % GIB < GIB * 0.75) writeSync(file, randomFillSync(block), 0, BAND_BYTES, offset);
  }
  closeSync(file);
}

function changeDevice(device: string, sizeBytes: number): number {
  const file = openSync(device, 'r+');
  const count = Math.round((sizeBytes / BAND_BYTES) * CHANGED_SHARE);
  const step = Math.floor(sizeBytes / BAND_BYTES / count);
  for (let one = 0; one < count; one += 1) {
    writeSync(file, randomFillSync(Buffer.alloc(4096)), 0, 4096, one * step * BAND_BYTES + 65_536);
  }
  closeSync(file);
  return count;
}

async function exportImage(directory: string, devicePath: string, sizeBytes: number): Promise<Export> {
  return timed(() =>
    imageFiles.write(directory, { devicePath, path: 'disk.raw', format: 'raw', sizeBytes }, ignore, never),
  );
}

async function exportBands(
  directory: string,
  devicePath: string,
  sizeBytes: number,
  id: string,
): Promise<Export & { readonly staged: StagedBands }> {
  const run = { id, snapshot: `snaphook-${id}` };
  const request = { devicePath, path: 'disk.bands', sizeBytes, bandBytes: BAND_BYTES, owner: OWNER, run };
  let staged: StagedBands | undefined;
  const measured = await timed(async () => {
    staged = await bandFolders.stage(directory, request, ignore, never);
    await bandFolders.commit(directory, [request.path], { owner: OWNER, run }, never);
  });
  if (!staged) throw new TypeError('the export ended without a result');
  return { ...measured, staged };
}

async function timed(work: () => Promise<unknown>): Promise<Export> {
  const [beginMs, before] = [performance.now(), writtenBytes()];
  await work();
  return { seconds: (performance.now() - beginMs) / 1000, writtenBytes: writtenBytes() - before };
}

function seconds(work: () => void): number {
  const beginMs = performance.now();
  work();
  return (performance.now() - beginMs) / 1000;
}

/** What this process has handed to write calls, as the kernel counts it. */
const writtenBytes = (): number => Number(/^wchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1]);
