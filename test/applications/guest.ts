import { mkdirSync, mkdtempSync } from 'node:fs';
import path from 'node:path';
import { fileSystemLine, HelperProcess, prepareLine, type Terms } from '../freeze/helper-process.ts';
import { type LoopDisk, makeDisk } from '../freeze/loop-disk.ts';
import { must } from '../freeze/programs.ts';
import { folder } from '../freeze/stage.ts';
import { type DatabaseFolders, type DatabaseKind, Server, Writer } from './database.ts';
import { installPlugIn, PLUG_INS } from './plug-in-folder.ts';

const DISK_BYTES = 320 * 1024 * 1024;

export interface DatabaseGuest {
  readonly server: Server;
  readonly writer: Writer;
  readonly disks: readonly [LoopDisk, LoopDisk];
}

const foldersOn = ([data, log]: readonly [string, string]): DatabaseFolders => ({
  data: path.join(data, 'db/data'),
  log: path.join(log, 'db/log'),
});

/** A server whose data lie on XFS and whose log lies on ext4, with somebody who never stops writing. */
export async function startDatabase(kind: DatabaseKind): Promise<DatabaseGuest> {
  const disks = [makeDisk('xfs', folder, DISK_BYTES), makeDisk('ext4', folder, DISK_BYTES)] as const;
  const places = [disks[0].mountPoint, disks[1].mountPoint] as const;
  // The server is not root, and has to come here.
  for (const place of [folder, ...places.map((mountPoint) => path.dirname(mountPoint))]) must('chmod', '711', place);
  for (const place of places) mkdirSync(path.join(place, 'db'), { mode: 0o755 });
  const folders = foldersOn(places);
  kind.create(folders);
  const server = await Server.start(kind, folders);
  server.makeTables();
  return { server, writer: new Writer(kind.openClient(folders), kind.transaction), disks };
}

export const usePlugIn = ({ server: { kind, folders } }: DatabaseGuest, more: readonly string[] = []): string =>
  installPlugIn(kind.name, [...kind.settings(folders), ...more]);

/** Everything stands still, as after the pre hook's freeze. */
export async function freeze({ disks }: DatabaseGuest, terms: Terms = {}) {
  const helper = new HelperProcess();
  const { token } = await helper.expect('hello');
  const named = disks.map(fileSystemLine).join('');
  helper.say(`${prepareLine({ scriptMs: 30_000, leaseMs: 60_000, ...terms })}plug-ins ${PLUG_INS}\n${named}ready\n`);
  const ready = await helper.expect('ready');
  helper.say('freeze\n');
  await helper.expect('frozen');
  return { helper, ready, token };
}

/** What an array does: both disks as they are now. Sparse, and in an instant of the guest. */
export function snapshot({ disks }: DatabaseGuest): readonly [string, string] {
  const place = mkdtempSync(path.join(folder, 'snapshot-'));
  const [data, log] = [path.join(place, 'data'), path.join(place, 'log')] as const;
  must('cp', '--sparse=always', disks[0].image, data);
  must('cp', '--sparse=always', disks[1].image, log);
  return [data, log];
}

export interface Recovered {
  readonly server: Server;
  /** From the start of the server to its first answer. */
  readonly recoveryMs: number;
  /** Stops it and unmounts its disks. */
  close(): Promise<void>;
}

/** Starts a server on the disks of a snapshot. */
export async function recover(kind: DatabaseKind, images: readonly [string, string]): Promise<Recovered> {
  const mountPoints = images.map((image) => `${image}.mount`);
  for (const [index, image] of images.entries()) {
    const mountPoint = mountPoints[index] ?? '';
    mkdirSync(mountPoint);
    // XFS knows a file system by its UUID, and the original is mounted.
    must('mount', '-o', index === 0 ? 'loop,nouuid' : 'loop', image, mountPoint);
  }
  const place = path.dirname(images[0]);
  must('chmod', '711', place);
  const folders = foldersOn([`${images[0]}.mount`, `${images[1]}.mount`]);
  // The link or setting that leads to the log names a mount point of the guest.
  kind.move(folders);
  const beginMs = performance.now();
  const server = await Server.start(kind, folders);
  const recoveryMs = Math.round(performance.now() - beginMs);
  const close = async (): Promise<void> => {
    await server.stop();
    for (const mountPoint of mountPoints) must('umount', mountPoint);
  };
  return { server, recoveryMs, close };
}
