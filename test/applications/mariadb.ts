import { spawn, spawnSync } from 'node:child_process';
import { chownSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { must } from '../freeze/programs.ts';
import type { DatabaseFolders, DatabaseKind } from './database.ts';

const USER = 'mysql';
const socketIn = ({ data }: DatabaseFolders): string => path.join(path.dirname(data), 'socket');
const client = (folders: DatabaseFolders): readonly string[] => [
  '--no-defaults',
  '--batch',
  '--skip-column-names',
  '--unbuffered',
  `--socket=${socketIn(folders)}`,
];
const places = ({ data, log }: DatabaseFolders): readonly string[] => [
  '--no-defaults',
  `--user=${USER}`,
  `--datadir=${data}`,
  `--innodb-log-group-home-dir=${log}`,
  '--innodb-log-file-size=64M',
];

export const mariadb: DatabaseKind = {
  name: 'mariadb',
  stopSignal: 'SIGKILL',
  create: (folders) => {
    const [user, group] = ['-u', '-g'].map((flag) => Number(must('id', flag, USER)));
    for (const folder of [folders.data, folders.log]) {
      mkdirSync(folder, { mode: 0o700 });
      for (const place of [folder, path.dirname(folder)]) chownSync(place, user ?? 0, group ?? 0);
    }
    must('mariadb-install-db', ...places(folders), '--skip-test-db', '--auth-root-authentication-method=socket');
  },
  move: () => {},
  start: (folders) =>
    spawn(
      'mariadbd',
      // Pages are written as late as possible: then a recovery has as much to do as there can be.
      [...places(folders), '--skip-networking', `--socket=${socketIn(folders)}`, '--innodb-max-dirty-pages-pct=99'],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    ),
  settings: (folders) => [`instance ${socketIn(folders)}`],
  ask: (folders, sql) => {
    const options = { encoding: 'utf8', timeout: 30_000 } as const;
    const { status, stdout } = spawnSync('mariadb', [...client(folders), '--execute', sql], options);
    return status === 0 ? stdout.trim() : undefined;
  },
  openClient: (folders) => spawn('mariadb', [...client(folders), 'test'], { stdio: ['pipe', 'pipe', 'ignore'] }),
  transaction: (number) =>
    `START TRANSACTION; INSERT INTO test.one VALUES (${number}); INSERT INTO test.other VALUES (${number}); COMMIT; SELECT ${number};\n`,
  // It is idle, and of nobody else: the writer is in the database `test`.
  sessionsOfPlugIn:
    "SELECT count(*) FROM information_schema.processlist WHERE user = 'root' AND db IS NULL AND id <> connection_id()",
  namespace: 'CREATE DATABASE test',
  bulk: 'INSERT INTO test.bulk SELECT repeat(md5(seq), 8) FROM test.seq_1_to_50000',
};
