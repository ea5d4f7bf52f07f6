import { execFile, spawn } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { must, newFolder } from '../files/stage.ts';
import { freePorts, until } from './product-site.ts';

/** A Job resource: what every job of the suite has is added. */
export interface BaculaJob {
  readonly name: string;
  /** The File of its FileSet: a path, or a command that lists them. */
  readonly file: string;
  /** Lines of the Job resource. */
  readonly lines: string;
}

export interface EndedJob {
  readonly jobId: number;
  /** `T`: ended well. `W`: with warnings. `E`, `f`: failed. `A`: cancelled. */
  readonly status: string;
  readonly files: number;
  readonly messages: string;
}

/** Director, Storage and Client on this machine; they end with the suite. */
export interface Bacula {
  start(job: string, level: string): Promise<number>;
  ended(jobId: number): Promise<EndedJob>;
  run(job: string, level: string): Promise<EndedJob>;
  cancel(jobId: number): Promise<void>;
  /** Restores what these jobs saved, a later one over an earlier one; returns the folder. */
  restore(jobIds: readonly number[]): Promise<string>;
  /** Another configuration of the jobs from now on. */
  reload(jobs: readonly BaculaJob[]): Promise<void>;
  messagesOf(jobId: number): string;
  /** Of all that the Storage has written. */
  volumeBytes(): number;
  stop(): Promise<void>;
}

const TABLES = '/usr/share/bacula-director/make_sqlite3_tables';
/** Runs the Director, as Debian has it. */
const USER = 'bacula';

export async function startBacula(jobs: readonly BaculaJob[]): Promise<Bacula> {
  const folder = newFolder('bacula');
  chmodSync(folder, 0o755);
  const [dir = 0, sd = 0, fd = 0] = await freePorts(3);
  const ports = { dir, sd, fd };
  const place = { folder, ports };
  for (const name of ['dir', 'sd', 'fd', 'volumes']) mkdirSync(path.join(folder, name));
  const log = path.join(folder, 'dir/log');
  makeCatalog(folder);
  for (const [name, text] of Object.entries(configurations(place, jobs))) writeFileSync(path.join(folder, name), text);
  const [uid = 0, gid = 0] = ['-u', '-g'].map((option) => Number(must('id', [option, USER])));
  for (const name of ['dir', 'dir/c.db']) chownSync(path.join(folder, name), uid, gid);
  const daemon = (name: string, ...options: readonly string[]) =>
    spawn(`bacula-${name}`, ['-f', '-c', path.join(folder, `${name}.conf`), ...options], { stdio: 'ignore', cwd: '/' });
  const console = (command: string) => ask(path.join(folder, 'console.conf'), command);
  const listens = (port: number) => () => isListening(port);
  const daemons = [daemon('sd'), daemon('fd'), daemon('dir', '-u', USER, '-g', USER)];
  await until(listens(fd), 'the Client');
  await until(listens(sd), 'the Storage');
  await until(listens(dir), 'the Director');

  const queued = (text: string) => {
    const id = /JobId=(\d+)/.exec(text)?.[1];
    if (id === undefined) throw new Error(`no job was queued: ${text}`);
    return Number(id);
  };
  const start = async (job: string, level: string) => queued(await console(`run job="${job}" level=${level} yes`));
  const messagesOf = (jobId: number) => messagesIn(readFileSync(log, 'utf8'), jobId);
  const ended = async (jobId: number): Promise<EndedJob> => {
    await console(`wait jobid=${jobId} timeout=500`);
    const record = recordOf(await console(`llist jobid=${jobId}`));
    return { jobId, status: record.jobstatus ?? '', files: Number(record.jobfiles), messages: messagesOf(jobId) };
  };
  return {
    start,
    ended,
    run: async (job, level) => ended(await start(job, level)),
    async cancel(jobId) {
      await console(`cancel jobid=${jobId} yes`);
    },
    async restore(jobIds) {
      const where = newFolder('restored');
      const command = `restore client=f jobid=${jobIds.join(',')} where=${where} all done yes`;
      const { status, messages } = await ended(queued(await console(command)));
      if (status !== 'T') throw new Error(`the restore failed: ${messages}`);
      return where;
    },
    async reload(changed) {
      writeFileSync(path.join(folder, 'dir.conf'), directorConfiguration(place, changed));
      await console('reload');
    },
    messagesOf,
    volumeBytes: () =>
      readdirSync(path.join(folder, 'volumes')).reduce(
        (sum, name) => sum + statSync(path.join(folder, 'volumes', name)).size,
        0,
      ),
    async stop() {
      const all = daemons.filter(({ exitCode }) => exitCode === null);
      const exits = all.map((child) => new Promise((resolve) => child.once('exit', resolve)));
      for (const child of all) child.kill('SIGKILL');
      await Promise.all(exits);
    },
  };
}

function makeCatalog(folder: string): void {
  const script = readFileSync(TABLES, 'utf8')
    .replace('cd /var/lib/bacula', `cd '${folder}/dir'`)
    .replaceAll('XXX_DBNAME_XXX', 'c');
  must('sh', ['-c', script]);
}

interface Place {
  readonly folder: string;
  readonly ports: { readonly dir: number; readonly sd: number; readonly fd: number };
}

const configurations = (place: Place, jobs: readonly BaculaJob[]): Readonly<Record<string, string>> => {
  const { folder, ports } = place;
  const own = (name: string) => `WorkingDirectory = ${folder}/${name}; PidDirectory = ${folder}/${name}`;
  return {
    'dir.conf': directorConfiguration(place, jobs),
    'sd.conf': `
Storage { Name = sd; SDPort = ${ports.sd}; SDAddress = 127.0.0.1; ${own('sd')} }
Director { Name = d; Password = p }
Device { Name = v; Media Type = File; Archive Device = ${folder}/volumes; LabelMedia = yes; Random Access = yes
  AutomaticMount = yes; RemovableMedia = no; AlwaysOpen = no; Maximum Concurrent Jobs = 9 }
Messages { Name = M; director = d = all }
`,
    'fd.conf': `
FileDaemon { Name = f; FDport = ${ports.fd}; FDAddress = 127.0.0.1; ${own('fd')}; CommCompression = no; Plugin Directory = /usr/lib/bacula }
Director { Name = d; Password = p }
Messages { Name = M; director = d = all }
`,
    'console.conf': `Director { Name = d; DIRport = ${ports.dir}; address = 127.0.0.1; Password = p }\n`,
  };
};

function directorConfiguration({ folder, ports }: Place, jobs: readonly BaculaJob[]): string {
  const common = 'Client = f; Storage = s; Pool = P; Messages = M';
  return `
Director { Name = d; DIRport = ${ports.dir}; DirAddress = 127.0.0.1; QueryFile = /dev/null; Password = p; Messages = M
  WorkingDirectory = ${folder}/dir; PidDirectory = ${folder}/dir; Maximum Concurrent Jobs = 9 }
Catalog { Name = C; dbname = c; dbuser = ""; dbpassword = "" }
Messages { Name = M; append = "${folder}/dir/log" = all, !skipped }
Client { Name = f; Address = 127.0.0.1; FDPort = ${ports.fd}; Catalog = C; Password = p; Maximum Concurrent Jobs = 9 }
Storage { Name = s; Address = 127.0.0.1; SDPort = ${ports.sd}; Password = p; Device = v; Media Type = File; Maximum Concurrent Jobs = 9 }
Pool { Name = P; Pool Type = Backup; Label Format = "V-" }
FileSet { Name = none; Include { Options { signature = SHA1 } File = /nowhere } }
Job { Name = restore; Type = Restore; FileSet = none; ${common} }
${jobs
  .map(
    ({ name, file, lines }) => `
FileSet { Name = "files of ${name}"; Include {
  Options { signature = SHA1; sparse = yes; aclsupport = yes; xattrsupport = yes; onefs = no }
  File = ${JSON.stringify(file)} } }
Job { Name = "${name}"; Type = Backup; Level = Full; FileSet = "files of ${name}"; ${common}
${lines}
}
`,
  )
  .join('')}`;
}

const isListening = (port: number): boolean => {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  return readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .some((line) => /^ *\d+: \S+:(\S+) \S+ 0A/.exec(line)?.[1] === hex);
};

const recordOf = (text: string): Record<string, string> =>
  Object.fromEntries(
    [...text.matchAll(/^\s*(\w+): (.*)$/gm)].map(([, key = '', value = '']) => [key.toLowerCase(), value]),
  );

/** The simulated systems answer in this process: nothing here may wait without them. */
function ask(configuration: string, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile('bconsole', ['-c', configuration], { timeout: 550_000 }, (error, stdout) =>
      error ? reject(error) : resolve(stdout),
    );
    child.stdin?.end(`${command}\nquit\n`);
  });
}

function messagesIn(log: string, jobId: number): string {
  const entries = log.split(/\n(?=\d\d-\w{3} \d\d:\d\d )/);
  return entries.filter((entry) => entry.includes(` JobId ${jobId}: `)).join('\n');
}
