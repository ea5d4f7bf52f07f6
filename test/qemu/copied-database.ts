import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { asUser, clientOf, serverOptions } from '../applications/postgresql.ts';
import { until } from './array-guest.ts';
import { DATA_DISK, FOLDERS, PORT, WAL_DISK } from './guest-database.ts';
import { OwnMounts } from './own-mounts.ts';

const SOCKETS = '/mnt/sockets';
const MOUNT = `
  mkdir ${DATA_DISK.mountPoint} ${WAL_DISK.mountPoint}
  mount -o loop,nouuid "$1" ${DATA_DISK.mountPoint}
  mount -o loop "$2" ${WAL_DISK.mountPoint}
  install -d -o postgres ${SOCKETS}
  rm ${FOLDERS.data}/postmaster.pid`;

/** PostgreSQL of this machine on copies of a run's images. */
export interface CopiedDatabase {
  ask(sql: string): Promise<string>;
  /** What it had to read of the WAL before it answered. */
  readonly redoBytes: number;
  /** From the start of the server to its first answer. */
  readonly recoveryMs: number;
  /** Stops it, has all checksums of pages checked, and unmounts the copies. */
  close(): Promise<void>;
}

/** On a fresh mount of each copy, without an archive and without a label of a backup. */
export async function startOnCopies(images: { readonly data: string; readonly wal: string }): Promise<CopiedDatabase> {
  const folder = await mkdtemp(path.join(tmpdir(), 'copies-'));
  const copies = { data: path.join(folder, 'data'), wal: path.join(folder, 'wal') };
  for (const disk of ['data', 'wal'] as const)
    await promisify(execFile)('cp', ['--sparse=always', images[disk], copies[disk]]);
  const mounts = await OwnMounts.make(MOUNT, copies.data, copies.wal);
  const beginMs = performance.now();
  const server = mounts.start(asUser('postgres', '-D', FOLDERS.data, ...serverOptions(PORT, SOCKETS)));
  const ended = once(server, 'exit');
  let said = '';
  server.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  await until(
    () => {
      if (server.exitCode !== null) throw new Error(`PostgreSQL does not start on the copies: ${said}`);
      return said.includes('ready to accept connections') || undefined;
    },
    'PostgreSQL started on the copies',
    240_000,
  );
  const recoveryMs = performance.now() - beginMs;
  return {
    ask: async (sql) => `${await mounts.run(clientOf(SOCKETS, PORT), sql)}`.trim(),
    redoBytes: positionAfter('redo done at', said) - positionAfter('redo starts at', said),
    recoveryMs,
    async close() {
      server.kill('SIGINT');
      await ended;
      await mounts.run(asUser('pg_checksums', '--check', '-D', FOLDERS.data));
      await mounts.end();
      await rm(folder, { recursive: true });
    },
  };
}

/** Of the WAL, in bytes from its beginning; 0: nothing was redone. */
function positionAfter(words: string, said: string): number {
  const [, high = '0', low = '0'] = new RegExp(`${words} ([0-9A-F]+)/([0-9A-F]+)`).exec(said) ?? [];
  return Number.parseInt(high, 16) * 2 ** 32 + Number.parseInt(low, 16);
}
