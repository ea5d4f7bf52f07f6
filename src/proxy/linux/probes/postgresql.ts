import { access, constants, readdir } from 'node:fs/promises';
import path from 'node:path';
import { SnaphookError } from '../../../ports/errors.ts';
import type { ProbedApplication } from '../../../ports/file-systems.ts';
import { firstBytes, insideOfVolume } from './guest-path.ts';
import { notSound, type ProbeRequest } from './probe-request.ts';
import { inView, VIEW } from './view.ts';

/** Where the packages of Debian and those of postgresql.org put the programs of each version. */
const FOLDERS: readonly (readonly [parent: string, name: RegExp, bin: (version: string) => string])[] = [
  ['/usr/lib/postgresql', /^\d/, (version) => `/usr/lib/postgresql/${version}/bin`],
  ['/usr', /^pgsql-\d/, (version) => `/usr/pgsql-${version}/bin`],
];

/** Of the script: it has links, which the view does not follow to where they lead in the guest. */
const HAS_LINKS = 98;

/**
 * The server without its network, its other processes, and its users: single-user mode. Nothing of the guest's settings counts, neither
 * of its files nor of what ALTER SYSTEM wrote. Slots and prepared transactions must find room, or recovery would refuse them.
 */
const SETTINGS = [
  ...['config_file=/dev/null', 'hba_file=/dev/null', 'ident_file=/dev/null', 'listen_addresses='],
  ...['shared_preload_libraries=', 'archive_mode=off', 'restore_command=', 'archive_cleanup_command=', 'fsync=off'],
  ...['wal_level=logical', 'max_replication_slots=1000', 'max_prepared_transactions=1000', 'huge_pages=off'],
  ...['logging_collector=off', 'log_destination=stderr'],
];

/**
 * Recovery, then a look at the list of databases; then, where the cluster has checksums, those of all its pages. `$3`: where the programs are;
 * from `$4` on, settings.
 */
const SCRIPT = `
bin=$3; shift 3
[ -z "$(find ${VIEW} -type l -print -quit)" ] || exit ${HAS_LINKS}
for name in postgresql.auto.conf recovery.conf recovery.signal standby.signal postmaster.pid; do
  rm -rf "${VIEW}/$name" || exit 97
done
own_all ${VIEW} && chmod 700 ${VIEW} || exit 97
control=$(as_probe "$bin/pg_controldata" -D ${VIEW} 2>&1) || { echo "$control"; exit 1; }
echo "$control"
echo 'select pg_catalog.count(*) as databases from pg_catalog.pg_database' |
  as_probe "$bin/postgres" --single -D ${VIEW} "$@" postgres 2>&1 || exit 1
checksums=$(echo "$control" | sed -n 's/^Data page checksum version: *//p')
[ "$checksums" = 0 ] || [ ! -x "$bin/pg_checksums" ] || as_probe "$bin/pg_checksums" --check -D ${VIEW} 2>&1
`;

/** Errors: `E_VERIFY`; `E_PROXY` where no server of the cluster's version is installed. */
export async function probePostgresql(request: ProbeRequest, signal: AbortSignal): Promise<ProbedApplication> {
  const folder = await insideOfVolume(request.mountPoint, request.path);
  const version = await versionOf(folder);
  if (version === undefined) throw notSound(request, 'it is no data directory of PostgreSQL (no PG_VERSION in it)');
  const args = [await programsOf(version), ...SETTINGS.flatMap((setting) => ['-c', setting])];
  const end = await inView({ folder, scratch: request.scratch }, { script: SCRIPT, args }, signal);
  if (end.exitCode === HAS_LINKS) {
    throw notSound(
      request,
      'it has links, to tablespaces or to its WAL, and cannot be probed with what is behind them',
    );
  }
  const told = readAnswer(end.stdout);
  if (end.exitCode !== 0 || told.databases === undefined) throw notSound(request, told.problem ?? end.said);
  const pages = told.hasCheckedPages ? '; the checksums of all pages hold' : '; no page checksums';
  const found = `cluster was "${told.state ?? 'unknown'}"; ${told.databases} databases after recovery${pages}`;
  return { checkedBy: `PostgreSQL ${version}`, found };
}

/** More than `PG_VERSION` of any server has. */
const VERSION_BYTES = 16;

/** Major versions have one number since 10. */
async function versionOf(folder: string): Promise<string | undefined> {
  const text = await firstBytes(path.join(folder, 'PG_VERSION'), VERSION_BYTES);
  return /^(9\.\d|\d\d)\n$/.exec(text ?? '')?.[1];
}

async function programsOf(version: string): Promise<string> {
  for (const [, , bin] of FOLDERS) {
    const isThere = access(path.join(bin(version), 'postgres'), constants.X_OK).then(
      () => true,
      () => false,
    );
    if (await isThere) return bin(version);
  }
  throw new SnaphookError('E_PROXY', `no server of PostgreSQL ${version} is installed on the proxy`, {
    hint: `Install the package postgresql-${version} (postgresql${version}-server on Red Hat) and keep its service off.`,
  });
}

/** Is a server of any version installed? Which one a guest has is seen when its data are there. */
export async function hasPostgresql(): Promise<boolean> {
  const found = FOLDERS.map(async ([parent, name]) =>
    (await readdir(parent).catch(() => [])).some((one) => name.test(one)),
  );
  return (await Promise.all(found)).includes(true);
}

interface Answer {
  readonly state: string | undefined;
  readonly databases: number | undefined;
  readonly hasCheckedPages: boolean;
  /** The first that it complains of. */
  readonly problem: string | undefined;
}

/** What `pg_controldata`, the server and `pg_checksums` print, one after the other, in English. */
export function readAnswer(text: string): Answer {
  const databases = /^\s*1: databases = "(\d+)"/m.exec(text)?.[1];
  return {
    state: /^Database cluster state: +(.*)$/m.exec(text)?.[1],
    databases: databases === undefined ? undefined : Number(databases),
    hasCheckedPages: /^Bad checksums: +0$/m.test(text),
    problem:
      /^.*\b(?:PANIC|FATAL|ERROR): +(.*)$/m.exec(text)?.[1] ??
      /\bpg_(?:checksums|controldata): error: (.*)$/m.exec(text)?.[1],
  };
}
