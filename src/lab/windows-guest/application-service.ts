import type { GuestClock } from '../guest/guest-clock.ts';
import type { LabScript } from '../guest/lab-script.ts';
import type { Pace } from '../world/pace.ts';
import type { LabPlugInProgram } from './plug-in-process.ts';
import { type QuietApplications, QuietSession, type QuietTerms } from './quiet-session.ts';
import { HRESULT, VssError } from './vss-codes.ts';

/** What lies beside the helper, and how the service that runs it is. Times are simulated milliseconds. */
export class ApplicationKnobs {
  /** Of `scripts.d`, in any order. */
  scripts: readonly LabScript[] = [];
  /** Of `plug-ins.d`, each as an `.exe`. */
  plugIns: readonly LabPlugInProgram[] = [];
  /** Other files, as `scripts.d\notes.txt`. */
  otherFiles: readonly string[] = [];
  /** A file that somebody else than administrators may write. */
  writableByOthers: string | undefined;
  /** Windows starts a service that was killed again, as its failure actions say. */
  restarts = true;
  /** How long that takes. */
  restartMs = 100;
}

const TURN_POLL_MS = 50;

const RUN = /^[\w.-]+\.(?:exe|cmd|bat|ps1)$/i;
/** What an upload leaves that was broken off, or that replaced a program which runs. */
const LEFT_ASIDE = /.\.(?:part|old)$/i;

const inOrder = <Named extends { readonly name: string }>(all: readonly Named[]): readonly Named[] =>
  [...all].sort((one, other) => Buffer.compare(Buffer.from(one.name), Buffer.from(other.name)));

export interface ApplicationServiceParts {
  readonly pace: Pace;
  readonly clock: GuestClock;
  readonly knobs: ApplicationKnobs;
  /** `install` has made the service. */
  readonly isInstalled: () => boolean;
}

/** The service `snaphook-vss` as far as it runs scripts and plug-ins: these outlive whoever asked for them. */
export class ApplicationService {
  readonly #parts: ApplicationServiceParts;
  #sessions = new Set<QuietSession>();
  /** Scripts that a dead process of the service had told `freeze`: what its records in the registry say. */
  #records: (readonly LabScript[])[] = [];
  #life = new AbortController();

  constructor(parts: ApplicationServiceParts) {
    this.#parts = parts;
  }

  /** Of its process: what else that does, as a set of type `full`, dies with it. */
  get life(): AbortSignal {
    return this.#life.signal;
  }

  /** Something lies in one of the folders. */
  get hasPrograms(): boolean {
    return this.#files().length > 0;
  }

  /**
   * A connection for one set. Undefined: there is nobody to tell, and the service is not started; or it is not wanted any more.
   * @throws VssError when there is somebody and no service, or a file that must not be run; when others are at rest for too long.
   */
  async open(terms: QuietTerms, isWanted: () => boolean): Promise<QuietApplications | undefined> {
    const { knobs, isInstalled } = this.#parts;
    const files = this.#files();
    if (files.length === 0) return undefined;
    if (!isInstalled()) throw new VssError(HRESULT.noSuchService, "the service 'snaphook-vss' is not installed");
    await this.#tellRecorded();
    await this.#waitForTurn(terms.scriptMs, isWanted);
    if (!isWanted()) return undefined;
    requireSafe(files, knobs.writableByOthers);
    const plugIns = inOrder(knobs.plugIns);
    const session = new QuietSession({ ...this.#parts, scripts: inOrder(knobs.scripts), plugIns, terms });
    this.#sessions.add(session);
    return session;
  }

  /** Sets whose scripts and plug-ins were told to be quiet, and not all of them the end. */
  get quietCount(): number {
    return [...this.#sessions].filter(({ isOver }) => !isOver).length;
  }

  /** Its process is killed, if it runs: true. Windows starts it again, or whoever asks for it next does. */
  async kill(): Promise<boolean> {
    const { knobs, pace } = this.#parts;
    const wasRunning = this.quietCount > 0;
    for (const session of this.#sessions) this.#records.push(session.die());
    this.#sessions = new Set();
    this.#life.abort();
    this.#life = new AbortController();
    if (!wasRunning || !knobs.restarts) return wasRunning;
    await pace.wait(knobs.restartMs);
    await this.#tellRecorded();
    return true;
  }

  /** The guest starts anew: no process is left, and no record. */
  forget(): void {
    for (const session of this.#sessions) session.die();
    this.#sessions = new Set();
    this.#records = [];
  }

  #files(): readonly string[] {
    const { scripts, plugIns, otherFiles } = this.#parts.knobs;
    return [
      ...scripts.map(({ name }) => `scripts.d\\${name}`),
      ...plugIns.map(({ name }) => `plug-ins.d\\${name}.exe`),
      ...otherFiles,
    ].filter((file) => !LEFT_ASIDE.test(file));
  }

  /** One session at a time has applications at rest. */
  async #waitForTurn(limitMs: number, isWanted: () => boolean): Promise<void> {
    const { pace, clock } = this.#parts;
    const endMs = clock.nowMs() + limitMs;
    while (this.quietCount > 0 && isWanted()) {
      if (clock.nowMs() >= endMs) throw new VssError(HRESULT.busy, 'the applications are at rest for another session');
      await pace.wait(TURN_POLL_MS);
    }
  }

  /** Before it takes clients. */
  async #tellRecorded(): Promise<void> {
    for (const scripts of this.#records.splice(0)) {
      for (const script of [...scripts].reverse()) await script.run('freezeFail');
    }
  }
}

function requireSafe(files: readonly string[], writableByOthers: string | undefined): void {
  const nameOf = (file: string) => file.slice(file.indexOf('\\') + 1);
  const refused = files.find((file) => !RUN.test(nameOf(file)) || file === writableByOthers);
  if (refused !== undefined) throw new VssError(HRESULT.accessDenied, `'${refused}' must not be run`);
  const plugIns = files.filter((file) => file.startsWith('plug-ins.d')).map(nameOf);
  const twice = plugIns.find((one) => plugIns.filter((other) => stem(other) === stem(one)).length > 1);
  if (twice !== undefined)
    throw new VssError(HRESULT.invalidArgument, `'plug-ins.d\\${twice}' has the name of another plug-in`);
}

const stem = (name: string): string => name.slice(0, name.lastIndexOf('.')).toLowerCase();
