import { spawn, spawnSync } from 'node:child_process';
import { chownSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { must } from '../freeze/programs.ts';
import type { DatabaseFolders, DatabaseKind } from './database.ts';

const PORT = 54_321;
const USER = 'postgres';
const idOf = (flag: '-u' | '-g'): number => Number(must('id', flag, USER));

function programs(): string {
  const versions = readdirSync('/usr/lib/postgresql').filter((name) => /^\d+$/.test(name));
  return `/usr/lib/postgresql/${Math.max(...versions.map(Number))}/bin`;
}

/** For setpriv. */
export const asUser = (program: string, ...args: readonly string[]): readonly string[] => [
  `--reuid=${USER}`,
  `--regid=${USER}`,
  '--init-groups',
  path.join(programs(), program),
  ...args,
];
export const clientOf = (sockets: string, port: number): readonly string[] =>
  asUser('psql', '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-h', sockets, '-p', String(port), 'postgres');
const client = ({ data }: DatabaseFolders) => clientOf(data, PORT);

/** Checkpoints come only when somebody asks for one: then a recovery has as much to do as there can be. */
export const serverOptions = (port: number, sockets: string): readonly string[] =>
  [
    `port=${port}`,
    'listen_addresses=',
    `unix_socket_directories=${sockets}`,
    'checkpoint_timeout=1h',
    'max_wal_size=160MB',
    'shared_buffers=64MB',
  ].flatMap((option) => ['-c', option]);

/** An empty database. */
export const initdb = ({ data, log }: DatabaseFolders): readonly string[] =>
  asUser('initdb', '-N', '-k', '-A', 'trust', '--wal-segsize=4', '-X', log, '-D', data);

export const postgresql: DatabaseKind = {
  name: 'postgresql',
  stopSignal: 'SIGQUIT',
  create: (folders) => {
    for (const place of [folders.data, folders.log]) chownSync(path.dirname(place), idOf('-u'), idOf('-g'));
    must('setpriv', ...initdb(folders));
  },
  move: ({ data, log }) => {
    const link = path.join(data, 'pg_wal');
    rmSync(link);
    symlinkSync(log, link);
    for (const lock of ['postmaster.pid', `.s.PGSQL.${PORT}.lock`]) rmSync(path.join(data, lock), { force: true });
  },
  start: ({ data }) => {
    const args = ['-D', data, ...serverOptions(PORT, data)];
    return spawn('setpriv', asUser('postgres', ...args), { stdio: ['ignore', 'ignore', 'pipe'] });
  },
  settings: ({ data }) => [`sockets ${data}`, `instance ${PORT}`],
  ask: (folders, sql) => {
    const { status, stdout } = spawnSync('setpriv', [...client(folders), '-c', sql], {
      encoding: 'utf8',
      timeout: 30_000,
    });
    return status === 0 ? stdout.trim() : undefined;
  },
  openClient: (folders) => spawn('setpriv', client(folders), { stdio: ['pipe', 'pipe', 'ignore'] }),
  transaction: (number) =>
    `BEGIN; INSERT INTO test.one VALUES (${number}); INSERT INTO test.other VALUES (${number}); COMMIT; SELECT ${number};\n`,
  sessionsOfPlugIn: "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%snaphook-%' AND pid <> pg_backend_pid()",
  namespace: 'CREATE SCHEMA test',
  bulk: 'INSERT INTO test.bulk SELECT repeat(md5(i::text), 8) FROM generate_series(1, 100000) AS i',
};
