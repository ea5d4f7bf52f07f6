import { createHash } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { ensureFolder } from '../../platform/ensure-folder.ts';
import { mustRun } from './programs.ts';

/** The kernel forgets what is in it when the machine starts. */
export const NODES = '/dev/snaphook';
export const ROOTS_ALONE = 0o700;

/** Which disk of which hand-over directory: its loop devices are told from everybody else's by that. */
export interface LoopMark {
  readonly root: string;
  readonly folder: string;
}

/**
 * Gives the device to the work under a name that is ours. The kernel keeps the name under which the file behind a loop device was
 * opened, also when that name is gone: so it says who made the loop device, whatever the device's own name stands for by then. A target
 * that is a file keeps its own.
 */
export async function underMark<Result>(
  device: string,
  mark: LoopMark,
  work: (name: string) => Promise<Result>,
  signal: AbortSignal,
): Promise<Result> {
  const stats = await stat(device, { bigint: true });
  if (!stats.isBlockDevice()) return work(device);
  const node = nodeOf(device, mark);
  await ensureFolder(NODES, ROOTS_ALONE);
  await rm(node, { force: true });
  await mustRun('mknod', ['--mode=600', node, 'b', String(majorOf(stats.rdev)), String(minorOf(stats.rdev))], signal);
  try {
    return await work(node);
  } finally {
    await rm(node, { force: true });
  }
}

/** Is what stands behind a loop device ours: of that disk on one of these devices? Undefined: on any. */
export async function bearsMark(
  behind: string,
  mark: LoopMark,
  devicePaths: readonly string[] | undefined,
): Promise<boolean> {
  if (devicePaths === undefined) return behind.startsWith(`${nodePrefix(mark)}-`);
  if (devicePaths.some((device) => behind === nodeOf(device, mark))) return true;
  return devicePaths.includes(behind) && !(await isBlockDevice(behind));
}

/** Names that a killed process left. */
export async function removeNodes(mark: LoopMark): Promise<void> {
  const prefix = `${path.basename(nodePrefix(mark))}-`;
  for (const entry of await readdir(NODES, { withFileTypes: true }).catch(() => []))
    if (entry.name.startsWith(prefix) && !entry.isDirectory()) await rm(path.join(NODES, entry.name), { force: true });
}

const isBlockDevice = (file: string): Promise<boolean> =>
  stat(file).then(
    (stats) => stats.isBlockDevice(),
    () => false,
  );

export const nodeOf = (device: string, mark: LoopMark): string => `${nodePrefix(mark)}-${path.basename(device)}`;

const nodePrefix = ({ root, folder }: LoopMark): string =>
  path.join(NODES, createHash('sha256').update(`${root}\0${folder}`).digest('hex').slice(0, 24));

/** As glibc's `gnu_dev_major` and `gnu_dev_minor` have them. */
const majorOf = (device: bigint): bigint => ((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xfffff000n);
const minorOf = (device: bigint): bigint => (device & 0xffn) | ((device >> 12n) & 0xffffff00n);
