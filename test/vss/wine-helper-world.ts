import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { setTimeout as sleepFor } from 'node:timers/promises';
import type { HelperWorld } from '../contract/vss-helper-bench.ts';
import type { HeldHelper } from '../contract/vss-helper-by-files.ts';
import type { HelperRun } from '../contract/vss-helper-conversation.ts';
import { PROGRAMS } from './wine-program.ts';

const SQL_SERVER_WRITER = 'a65faa63-5ea8-4ebc-9dbd-a0c4db26912a';
const DATABASE_DISK = '6000c290000000000000000000000001';
/** This one tells its name by page 83 only. */
const JOURNAL_DISK = '6000c290000000000000000000000002';
const EMPTY_DISK = '6000c290000000000000000000000003';
const SERVICE = 'snaphook-vss';
/** VSS_BT_FULL, as the stand-in notes it. */
const FULL_BACKUP = 'backup type 1 ';
const TICK_MS = 5;

const RAW_VOLUME = '\\\\?\\Volume{0a6f1a52-6f0b-4f57-a9a0-444444444444}\\';
const MACHINE = String.raw`
volume.0=\\?\Volume{0a6f1a52-6f0b-4f57-a9a0-111111111111}\
volume.0.mount=D:\
volume.0.disks=${DATABASE_DISK}
volume.1=\\?\Volume{0a6f1a52-6f0b-4f57-a9a0-222222222222}\
volume.1.mount=D:\logs\
volume.1.disks=naa.${JOURNAL_DISK}
volume.2=\\?\Volume{0a6f1a52-6f0b-4f57-a9a0-333333333333}\
volume.2.mount=C:\
volume.2.disks=6000c29000000000000000000000000a
volume.3=${RAW_VOLUME}
volume.3.mount=
volume.3.disks=${DATABASE_DISK}
volume.3.raw=yes
writer.0=${SQL_SERVER_WRITER}
writer.0.name=SqlServerWriter
writer.0.application=yes
writer.0.component.0=app
writer.0.component.0.path=HOST
writer.0.component.0.file.0=D:\data|app.mdf
writer.0.component.0.file.1=D:\logs\app|app.ldf
writer.1=e8132975-6f93-4464-a53e-1050253ae220
writer.1.name=System Writer
writer.1.component.0=System Files
writer.1.component.0.kind=files
writer.1.component.0.file.0=%SystemRoot%|*
delay-ms.gather=50
`;

/** Blocks: what asks is no promise. */
const pause = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

/** As a program under Wine names a file of this machine. */
export const wineName = (file: string) => `Z:${file.replaceAll('/', '\\')}`;

/** What Wine has as drive C, whose root nobody else may change. */
const DRIVE_C = path.join(process.env.WINEPREFIX ?? '', 'drive_c');

/** As a program under Wine names a file of drive C. */
const nameOnDriveC = (file: string) => `C:\\${path.relative(DRIVE_C, file).replaceAll('/', '\\')}`;

/** The processes of this machine with these words at the end of their command lines. */
export const processesWith = (words: string) =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        return readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim().endsWith(words);
      } catch {
        return false; // It has just ended.
      }
    })
    .map(Number);

const wine = (...words: string[]) => spawnSync('wine', words, { encoding: 'utf8' });

/** Desktop and services of Wine, which the first program starts, may keep its pipes open for as long as they live. */
const LAST_WORDS_MS = 1000;

/** The exit code, when the last words are read. */
async function exitOf(child: ChildProcess): Promise<number> {
  const closed = once(child, 'close');
  const [code] = await once(child, 'exit');
  await Promise.race([closed, sleepFor(LAST_WORDS_MS)]);
  return Number(code);
}

/** The unchanged programs in a folder of their own, with a stand-in for VSS beside them and one application for all worlds. */
export class WineMachine {
  /** The programs', in drive C: what lies beside them may be trusted, as in `C:\Program Files`. */
  readonly folder = mkdtempSync(path.join(DRIVE_C, 'snaphook-vss-helper-'));
  readonly #machine = path.join(this.folder, 'stand-in.txt');
  readonly #counters = path.join(this.folder, 'counters');
  #log = '';
  #worlds = 0;
  #application: ChildProcess | undefined;

  /** Also the service for full backups, as `install` makes it. */
  start(): void {
    for (const name of ['snaphook-vss.exe', 'snaphook-vss-provider.dll', 'vssapi.dll', 'application.exe'])
      copyFileSync(path.join(PROGRAMS, name), path.join(this.folder, name));
    // A service does not have the environment of this process.
    wine('reg', 'add', 'HKCU\\Software\\Wine\\DllOverrides', '/v', 'vssapi', '/d', 'native', '/f');
    this.makeService();
    this.#application = spawn('wine', [path.join(this.folder, 'application.exe'), wineName(this.#counters)], {
      stdio: ['pipe', 'ignore', 'ignore'],
    });
  }

  async stop(): Promise<void> {
    this.stopService();
    this.removeService();
    const application = this.#application;
    if (!application) return;
    const ended = once(application, 'close');
    application.stdin?.end();
    await ended;
  }

  makeService(): void {
    const made = wine('sc', 'create', SERVICE, 'binPath=', `${this.helperPath} service`, 'start=', 'demand');
    if (made.status !== 0) throw new Error(`the service could not be made: ${made.stdout}`);
  }

  removeService(): void {
    wine('sc', 'delete', SERVICE);
  }

  world(): HelperWorld {
    this.#worlds += 1;
    this.#log = path.join(this.folder, `log-${this.#worlds}.txt`);
    const provider = wineName(path.join(this.folder, 'snaphook-vss-provider.dll'));
    writeFileSync(this.#machine, `provider=${provider}\nlog=${wineName(this.#log)}\n${MACHINE}`);
    return {
      disks: [DATABASE_DISK, JOURNAL_DISK],
      emptyDisk: EMPTY_DISK,
      rawVolume: RAW_VOLUME,
      writer: SQL_SERVER_WRITER,
      realPerGuestMs: 1,
      start: () => Promise.resolve(this.serve()),
      failWriter: (phase, result) => this.change(`writer.0.fail.${phase}=${result}`),
      applicationProgress: () => Number(this.#counter(0)),
      fileWritesHeld: () => this.#standsStill(1),
      logTruncations: () => this.notes().filter((line) => line.startsWith('logs truncated')).length,
      close: async () => {
        if (this.notes().some((line) => line.startsWith(FULL_BACKUP))) this.stopService();
      },
    };
  }

  /** The helper's process, which speaks the protocol. `said`: on its standard error. */
  serve(): HelperRun & { kill(): void; said(): string } {
    const child = spawn('wine', [this.helperPath, 'serve']);
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    // One that has ended takes no more input.
    child.stdin.on('error', () => undefined);
    return {
      write: (bytes) => void child.stdin.write(bytes),
      endInput: () => void child.stdin.end(),
      output: child.stdout,
      exited: exitOf(child),
      kill: () => void child.kill('SIGKILL'),
      said: () => said,
    };
  }

  /** A session whose events go to a file. */
  hold(name: string): HeldHelper {
    const file = path.join(this.folder, `${name}.jsonl`);
    const child = this.program(['hold', name, wineName(file)]);
    return {
      exited: once(child, 'close').then(([code]) => Number(code)),
      kill: () => void child.kill('SIGKILL'),
      output: () => (existsSync(file) ? readFileSync(file, 'utf8') : ''),
    };
  }

  /** Runs the helper with these words, while other things go on, and resolves with its exit code. */
  async call(...words: string[]): Promise<number> {
    const [code] = await once(this.program(words), 'close');
    return Number(code);
  }

  /** Runs the helper with a verb to its end. */
  run(verb: string): { readonly exitCode: number | null; readonly stdout: string } {
    const { status, stdout } = wine(this.helperPath, verb);
    return { exitCode: status, stdout };
  }

  /** What the stand-in saw, line by line. */
  notes(): readonly string[] {
    return existsSync(this.#log) ? readFileSync(this.#log, 'utf8').split('\n') : [];
  }

  /** The folder of the helper, as a program under Wine names it. */
  get folderName(): string {
    return nameOnDriveC(this.folder);
  }

  /** The helper, as a program under Wine names it. */
  get helperPath(): string {
    return `${this.folderName}\\snaphook-vss.exe`;
  }

  /** The helper with these words. */
  program(words: readonly string[]): ChildProcess {
    return spawn('wine', [this.helperPath, ...words], { stdio: 'ignore' });
  }

  /** Changes a line of the stand-in's settings, until the next world. */
  change(line: string): void {
    appendFileSync(this.#machine, `${line}\n`);
  }

  serviceProcesses(): readonly number[] {
    return processesWith(`${this.helperPath} service`);
  }

  stopService(): void {
    wine('sc', 'stop', SERVICE);
    // Not there any more is stopped, too. Of a service that was killed Wine says for ever that it runs.
    while (this.serviceProcesses().length > 0 && /RUNNING|PENDING/.test(wine('sc', 'query', SERVICE).stdout))
      pause(TICK_MS);
  }

  /** The application's is the first, that of anybody who writes to the volumes the second. */
  #counter(index: number): bigint {
    const bytes = existsSync(this.#counters) ? readFileSync(this.#counters) : Buffer.alloc(0);
    return bytes.length < 16 ? 0n : bytes.readBigUInt64LE(index * 8);
  }

  #standsStill(index: number): boolean {
    const before = this.#counter(index);
    for (let attempt = 0; attempt < 100; attempt += 1) {
      if (this.#counter(index) !== before) return false;
      pause(TICK_MS);
    }
    return true;
  }
}
