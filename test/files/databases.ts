import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, copyFileSync, mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { emptyImage, inGuest, MIB, makeFileSystem } from './disk-image.ts';
import { must, newFolder } from './stage.ts';

const WHOLE = { offsetBytes: 0, sizeBytes: 128 * MIB };
/** Who runs servers in the guests of these tests: nobody. */
const USER = 65_534;
const asNobody = [`--reuid=${USER}`, `--regid=${USER}`, '--clear-groups'];

const versions = () => readdirSync('/usr/lib/postgresql').filter((name) => /^\d+$/.test(name));

/** Where the programs of the newest version are. */
const bin = (): string =>
  `/usr/lib/postgresql/${versions()
    .sort((a, b) => Number(a) - Number(b))
    .at(-1)}/bin`;

/** Works in a file system, or in a copy of one, as its guest does. */
export const inDisk = <Result>(disk: string, work: (mountPoint: string) => Result): Result =>
  inGuest(disk, WHOLE, 'ext4', work);

/** A disk with an empty file system. */
export function newDisk(name: string): string {
  const disk = path.join(newFolder(name), 'disk');
  emptyImage(disk, WHOLE.sizeBytes);
  makeFileSystem(disk, WHOLE, 'ext4');
  return disk;
}

/** `/srv/app/app.db` in WAL mode, as its program leaves it when it dies: pages and, beside it, commits that are in the WAL alone. */
export function writeSqlite(mountPoint: string): void {
  const folder = path.join(mountPoint, 'srv/app');
  mkdirSync(folder, { recursive: true });
  const commands = [
    'PRAGMA journal_mode=WAL;',
    'CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT);',
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) INSERT INTO t SELECT i, 'row ' || i FROM n;",
    'PRAGMA wal_checkpoint(TRUNCATE);',
    "INSERT INTO t(text) VALUES ('only in the WAL');",
    '.dbconfig no_ckpt_on_close on',
  ];
  must('sqlite3', [path.join(folder, 'app.db')], `${commands.join('\n')}\n`);
}

/** A disk with a cluster at `/pg` that was copied in one instant while its server was writing: frozen for the copy. */
export async function diskOfRunningServer(): Promise<string> {
  const disk = newDisk('postgresql');
  const copy = path.join(newFolder('postgresql-copy'), 'disk');
  const mountPoint = newFolder('server');
  for (const folder of [mountPoint, path.dirname(mountPoint)]) chmodSync(folder, 0o711);
  must('mount', ['-o', 'loop', disk, mountPoint]);
  const data = path.join(mountPoint, 'pg');
  mkdirSync(data, { mode: 0o700 });
  chownSync(data, USER, USER);
  must('setpriv', [
    ...asNobody,
    `${bin()}/initdb`,
    '-k',
    '-N',
    '-A',
    'trust',
    '-U',
    'admin',
    '--wal-segsize=1',
    '-D',
    data,
  ]);
  const settings = ['listen_addresses=', `unix_socket_directories=${data}`, 'wal_level=replica'];
  const server = spawn(
    'setpriv',
    [...asNobody, `${bin()}/postgres`, '-D', data, ...settings.flatMap((one) => ['-c', one])],
    { stdio: 'ignore' },
  );
  try {
    const psql = (...sql: readonly string[]) => {
      const commands = sql.flatMap((one) => ['-c', one]);
      return spawnSync(`${bin()}/psql`, ['-X', '-h', data, '-U', 'admin', ...commands, 'postgres'], {
        encoding: 'utf8',
      });
    };
    // It is there when it answers.
    while (psql('select 1').status !== 0) {
      if (server.exitCode !== null) throw new Error(`the server ended with ${server.exitCode}`);
    }
    const { status, stderr } = psql(
      'create table t as select generate_series(1, 5000) as i',
      'checkpoint',
      'insert into t select generate_series(1, 5000)',
    );
    if (status !== 0) throw new Error(stderr);
    must('fsfreeze', ['--freeze', mountPoint]);
    try {
      copyFileSync(disk, copy);
    } finally {
      must('fsfreeze', ['--unfreeze', mountPoint]);
    }
    return copy;
  } finally {
    const ended = once(server, 'exit');
    server.kill('SIGQUIT');
    await ended;
    must('umount', [mountPoint]);
  }
}
