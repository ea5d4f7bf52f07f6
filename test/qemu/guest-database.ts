import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { TABLES, Writer } from '../applications/database.ts';
import { asUser, clientOf, initdb, postgresql, serverOptions } from '../applications/postgresql.ts';
import { type ArrayDisk, type ArrayGuest, until } from './array-guest.ts';
import { OwnMounts } from './own-mounts.ts';

const disk = (labDevice: string, fileSystem: 'ext4' | 'xfs', mountPoint: string, cylinders: number): ArrayDisk => ({
  labDevice,
  serial: `6000c290a1b2c3d4e5f60718293${labDevice}`,
  fileSystem,
  partitioned: false,
  mountPoint,
  cylinders,
});

/** Data on XFS, 330 MiB; WAL on ext4, 240 MiB. Copies are mounted at the same places of this machine, where only the test sees them. */
export const DATA_DISK = disk('00001', 'xfs', '/mnt/data', 176);
export const WAL_DISK = disk('00002', 'ext4', '/mnt/wal', 128);
export const FOLDERS = { data: `${DATA_DISK.mountPoint}/postgresql`, log: `${WAL_DISK.mountPoint}/postgresql` };
export const PORT = 5432;
/** Where the plug-in looks by default. */
const SOCKETS = '/run/postgresql';
const PLUG_IN = '/etc/snaphook/plug-ins.d/postgresql';

/** PostgreSQL in the guest. */
export interface GuestDatabase {
  readonly writer: Writer;
  ask(sql: string): Promise<string>;
  /** Puts the plug-in there, as its page says, without settings. */
  installPlugIn(): Promise<void>;
  removePlugIn(): Promise<void>;
  /** Their folders, which end with them. */
  runningPlugIns(): Promise<readonly string[]>;
  /** The same, and sessions with the server. */
  plugInRemains(): Promise<readonly string[]>;
}

/** Its data are made on this machine, where that takes seconds; server and client are this machine's programs. */
export async function startGuestDatabase(array: ArrayGuest): Promise<GuestDatabase> {
  const { output, guest } = array;
  const account = (await promisify(execFile)('getent', ['passwd', 'postgres'])).stdout;
  await output('cat >>/etc/passwd', Buffer.from(account));
  await output('tar -C / -xzp', await emptyDatabase());
  await output(`install -d -o postgres -g postgres ${SOCKETS}`);
  const server = shell(asUser('postgres', '-D', FOLDERS.data, ...serverOptions(PORT, SOCKETS)));
  await output(`setsid ${server} >/run/postgresql.log 2>&1 </dev/null &`);
  const isReady = shell(asUser('pg_isready', '-q', '-h', SOCKETS, '-p', String(PORT)));
  await until(async () => (await guest.run(isReady)).exitCode === 0 || undefined, 'PostgreSQL was up', 240_000).catch(
    async (error) => {
      throw new Error(`${error}: ${await output('cat /run/postgresql.log')}`);
    },
  );
  const client = shell(clientOf(SOCKETS, PORT));
  const ask = (sql: string) => output(client, Buffer.from(sql));
  for (const sql of [postgresql.namespace, ...TABLES]) await ask(sql);
  const runningPlugIns = async () =>
    (await output("find /run -maxdepth 1 -name 'snaphook-plug-in.*'")).split('\n').filter((line) => line !== '');
  return {
    writer: new Writer(guest.start(client), postgresql.transaction),
    ask,
    async installPlugIn() {
      await output(
        `cat >/run/sent && install -d -o root -g root -m 0755 ${path.dirname(PLUG_IN)}
        install -o root -g root -m 0755 /run/sent ${PLUG_IN}`,
        readFileSync(path.join(__dirname, '../../dist/guest/plug-ins/postgresql')),
      );
    },
    async removePlugIn() {
      await output(`rm -f ${PLUG_IN}`);
    },
    runningPlugIns,
    async plugInRemains() {
      const sessions = await ask(postgresql.sessionsOfPlugIn);
      return [...(await runningPlugIns()), ...(sessions === '0' ? [] : [`${sessions} sessions`])];
    },
  };
}

/** An archive with the paths of the guest. */
async function emptyDatabase(): Promise<Buffer> {
  const mounts = await OwnMounts.make(
    'install -d -o postgres -g postgres "$@"',
    DATA_DISK.mountPoint,
    WAL_DISK.mountPoint,
  );
  try {
    await mounts.run(initdb(FOLDERS));
    const folders = [FOLDERS.data, FOLDERS.log].map((folder) => folder.slice(1));
    return await mounts.run(['tar', '-C', '/', '-cz', '--numeric-owner', ...folders]);
  } finally {
    await mounts.end();
  }
}

/** Setpriv with arguments that no shell reads otherwise. */
const shell = (setpriv: readonly string[]): string => `setpriv ${setpriv.join(' ')}`;
