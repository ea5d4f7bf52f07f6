import {
  FREEZE_HELPER_PROTOCOL,
  type FreezeHelperEvent,
  type FreezeHelperPhase,
} from '../../guest/linux/freeze-helper-protocol.ts';
import type { HelperScript } from '../../guest/script-protocol.ts';
import type { CallEnd } from '../guest/guest-calls.ts';
import type { LabScript } from '../guest/lab-script.ts';
import type { ProgramInput } from '../guest/program.ts';
import { type Ending, GuardedFreeze } from './guarded-freeze.ts';
import { ERRNO } from './guest-file-system.ts';
import { HelperInput } from './helper-input.ts';
import type { LabPlugIn } from './linux-knobs.ts';
import type { HelperSession, LinuxMachine } from './linux-machine.ts';

const VERSION = 'snaphook-freeze 0.1.0';

export interface HelperIo {
  readonly stdin: ProgramInput;
  write(data: Buffer): void;
  /** Beside /etc/snaphook the only folder that may hold scripts: `serve --scripts`. */
  readonly scriptsFolder: string | undefined;
  /** Runs a command of the client between the fault rules of the lab. */
  perform(operation: string, work: () => Promise<void>): Promise<CallEnd>;
}

interface Terms {
  readonly leaseMs: number;
  readonly lifeMs: number;
  readonly scriptMs: number;
  readonly scripts: boolean;
  plugIns: boolean;
  readonly wanted: { readonly device: string; readonly mountPoint: string }[];
}

/** What the process listens for besides lines, which wait until their turn comes. */
type Hearing = 'lines' | 'nothing' | 'freezing' | 'held';

/** `snaphook-freeze serve` of the simulated guest. */
export class HelperProcess {
  readonly #machine: LinuxMachine;
  readonly #io: HelperIo;
  readonly #input = new HelperInput();
  readonly #session: HelperSession;
  readonly #exit: Promise<number>;
  #end: (exitCode: number) => void = () => undefined;
  #phase: FreezeHelperPhase = 'idle';
  #hearing: Hearing = 'lines';
  #terms: Terms | undefined;
  #life: NodeJS.Timeout | undefined;
  #heldSinceMs = 0;
  #inputEnded = false;
  #killed = false;
  #wake: () => void = () => undefined;
  /** Scripts that were told `freeze` and nothing since. */
  #told: LabScript[] = [];
  /** Plug-ins that made their application quiet and were told nothing since. */
  #quiet: LabPlugIn[] = [];
  #results: HelperScript[] = [];

  constructor(machine: LinuxMachine, io: HelperIo) {
    this.#machine = machine;
    this.#io = io;
    this.#exit = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#session = machine.openSession(() => {
      this.#killed = true;
      this.#end(137);
    });
  }

  async run(): Promise<number> {
    const { os, bootId } = this.#machine;
    const { token } = this.#session;
    this.#tell({ event: 'hello', protocol: FREEZE_HELPER_PROTOCOL, helper: VERSION, os, bootId, token });
    this.#io.stdin.attach({ data: (bytes) => this.#hear(bytes), end: () => this.#hearEnd() });
    void this.#obeyLines();
    const exitCode = await this.#exit;
    clearTimeout(this.#life);
    this.#session.guarded?.end('end-of-input');
    this.#session.isOver = true;
    return exitCode;
  }

  async #obeyLines(): Promise<void> {
    for (;;) {
      const line = this.#input.takeLine();
      if (line === undefined && this.#inputEnded) break;
      if (line === undefined) await this.#moreInput();
      else if (line !== 'quit') await this.#obey(line);
      else if (await this.#isToldToQuit()) break;
    }
    await this.#endSession('end-of-input');
    this.#end(0);
  }

  async #isToldToQuit(): Promise<boolean> {
    const end = await this.#io.perform('quit', () => this.#endSession('end-of-input'));
    // The client does not learn that the process is gone before the connection is.
    while (end === 'withheld' && !this.#inputEnded) await this.#moreInput();
    return end !== 'never came';
  }

  #moreInput(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #hear(bytes: Buffer): void {
    if (this.#machine.knobs.silent) return;
    this.#input.push(bytes);
    const guarded = this.#session.guarded;
    if (this.#hearing === 'freezing') this.#input.dropReleases();
    if (this.#hearing === 'held' && this.#input.takeRelease()) {
      void this.#io.perform('release', async () => {
        guarded?.end('released');
      });
    } else if (this.#input.hasAbort && (this.#hearing === 'held' || this.#hearing === 'freezing')) {
      guarded?.end('aborted');
    }
    this.#wake();
  }

  #hearEnd(): void {
    if (this.#machine.knobs.silent) return;
    this.#inputEnded = true;
    if (this.#hearing !== 'lines') this.#session.guarded?.end('end-of-input');
    this.#wake();
  }

  async #obey(line: string): Promise<void> {
    const [command = '', ...words] = line.split(' ');
    this.#results = [];
    await this.#io.perform(command, async () => {
      if (this.#killed) return;
      switch (command) {
        case 'facts':
          return this.#tell(this.#machine.facts());
        case 'prepare':
          return await this.#prepare(words);
        case 'plug-ins':
          return await this.#namePlugIns(words);
        case 'filesystem':
          return await this.#addFileSystem(words);
        case 'ready':
          return await this.#ready();
        case 'freeze':
          return await this.#freeze();
        case 'status':
          return this.#tell({ event: 'status', phase: this.#phase });
        case 'abort':
          await this.#endSession('aborted');
          return this.#tell({ event: 'aborted' });
        default:
          return await this.#fail('', 'is no command');
      }
    });
    // What was asked for and held is waited for outside of its command: an answer that is late does not delay the release.
    if (this.#hearing === 'held') await this.#untilReleased();
  }

  async #prepare([lease, life, script, directory, ...rest]: readonly string[]): Promise<void> {
    if (this.#phase !== 'idle' || this.#terms) return await this.#fail('prepare', 'is not what comes now');
    const [leaseMs, lifeMs, scriptMs] = [Number(lease), Number(life), Number(script)];
    const numbers = [leaseMs, lifeMs, scriptMs];
    if (!numbers.every(Number.isSafeInteger) || leaseMs < 100 || leaseMs > 600_000 || directory === undefined)
      return await this.#fail('', 'lease, life, script time and a directory must come');
    if (rest.length > 0) return await this.#fail('', 'a directory or - must come last');
    if (directory !== '-' && !this.#mayHoldScripts(directory))
      return await this.#fail(directory, 'is not below /etc/snaphook, nor below what `serve --scripts` allows');
    this.#terms = { leaseMs, lifeMs, scriptMs, scripts: directory !== '-', plugIns: false, wanted: [] };
  }

  async #namePlugIns([directory = '', ...rest]: readonly string[]): Promise<void> {
    if (this.#phase !== 'idle' || !this.#terms || this.#terms.plugIns)
      return await this.#fail('plug-ins', 'is not what comes now');
    if (rest.length > 0) return await this.#fail('', 'a directory or - must come last');
    if (directory !== '-' && !this.#mayHoldScripts(directory))
      return await this.#fail(directory, 'is not below /etc/snaphook, nor below what `serve --scripts` allows');
    this.#terms.plugIns = directory !== '-';
  }

  #mayHoldScripts(directory: string): boolean {
    const folders = [
      '/etc/snaphook',
      ...(this.#io.scriptsFolder === undefined ? [] : [this.#io.scriptsFolder.replace(/\/+$/, '')]),
    ];
    return !directory.split('/').includes('..') && folders.some((folder) => `${directory}/`.startsWith(`${folder}/`));
  }

  async #addFileSystem([device, mountPoint]: readonly string[]): Promise<void> {
    if (this.#phase !== 'idle' || !this.#terms) return await this.#fail('filesystem', 'is not what comes now');
    if (device === undefined || !mountPoint?.startsWith('/'))
      return await this.#fail('', 'a device and a mount point must come');
    this.#terms.wanted.push({ device, mountPoint });
  }

  async #ready(): Promise<void> {
    const terms = this.#terms;
    if (this.#phase !== 'idle' || !terms) return await this.#fail('ready', 'is not what comes now');
    if (terms.wanted.length === 0) return await this.#fail('', 'no file system was named');
    const fileSystems = [];
    for (const { device, mountPoint } of terms.wanted) {
      const found = this.#machine.fileSystems.find((fileSystem) => fileSystem.mountPoint === mountPoint);
      if (!found) return await this.#fail(mountPoint, 'is no mount point', ERRNO.noEntry);
      if (found.device !== device) return await this.#fail(mountPoint, 'is another device now');
      fileSystems.push(found);
    }
    const guarded = new GuardedFreeze(fileSystems, terms.leaseMs, this.#machine.pace);
    this.#session.guarded = guarded;
    this.#life = setTimeout(() => this.#hearEnd(), this.#machine.pace.scaledMs(terms.lifeMs));
    if (terms.scripts && !(await this.#tellFreeze(terms.scriptMs, guarded)))
      return await this.#fail(`/etc/snaphook/scripts.d/${this.#results.at(-1)?.name ?? ''}`, 'a script did not freeze');
    if (terms.plugIns && !(await this.#askToQuiesce(terms.scriptMs, guarded)))
      return await this.#fail(`/etc/snaphook/plug-ins.d/${this.#results.at(-1)?.name ?? ''}`, 'was interrupted');
    this.#phase = 'prepared';
    // Released from outside while nothing was held yet.
    void guarded.over.then(() => {
      if (this.#phase === 'prepared') void this.#endSession('aborted');
    });
    const own = fileSystems.some(({ mountPoint }) => mountPoint === '/') ? '/' : '';
    this.#tell({ event: 'ready', ownFileSystem: own, scripts: this.#results });
  }

  async #freeze(): Promise<void> {
    const { guarded } = this.#session;
    if (this.#phase !== 'prepared' || !guarded || guarded.ending)
      return await this.#fail('freeze', 'is not what comes now');
    this.#phase = 'freeze';
    this.#hearing = 'freezing';
    const askedMs = this.#machine.clock.nowMs();
    await guarded.freeze();
    if (guarded.ending !== undefined) {
      this.#hearing = 'lines';
      const refused = guarded.fileSystems.find(({ errno }) => errno !== ERRNO.none);
      const message = refused ? 'cannot be frozen' : `ended before it held: ${guarded.ending}`;
      return await this.#fail(refused?.fileSystem.mountPoint ?? '', message, refused?.errno);
    }
    this.#phase = 'frozen';
    this.#hearing = 'held';
    this.#heldSinceMs = this.#machine.clock.nowMs();
    this.#tell({ event: 'frozen', freezeMs: round(this.#heldSinceMs - askedMs) });
  }

  async #untilReleased(): Promise<void> {
    const { guarded } = this.#session;
    if (!guarded) return;
    const ending = await guarded.over;
    const heldMs = round(this.#machine.clock.nowMs() - this.#heldSinceMs);
    this.#hearing = 'nothing';
    const released = ending === 'released' && guarded.held;
    this.#tell({ event: released ? 'thawed' : 'expired', heldMs });
    this.#results = [];
    await this.#tellEnd(released ? 'thaw' : 'freezeFail');
    this.#session.isOver = true;
    this.#phase = 'finished';
    this.#hearing = 'lines';
    this.#tell({
      event: 'finished',
      reason: reasonOf(ending, guarded.held),
      fileSystems: guarded.fileSystems.map(({ fileSystem, wasFrozen, errno }) => ({
        mountPoint: fileSystem.mountPoint,
        frozen: wasFrozen,
        held: wasFrozen && ending === 'released' && errno === ERRNO.none,
        errno,
      })),
      scripts: this.#results,
    });
  }

  async #fail(object: string, message: string, errno: number = ERRNO.none): Promise<void> {
    const phase = this.#phase;
    await this.#endSession('aborted');
    if (this.#phase === 'idle') this.#terms = undefined;
    this.#tell({ event: 'failed', phase, object, message, errno, scripts: this.#results });
  }

  /** Thaws, tells the scripts, and lets the guards go. */
  async #endSession(ending: Ending): Promise<void> {
    if (!this.#session.guarded || this.#phase === 'finished') return;
    this.#phase = 'finished';
    this.#session.guarded.end(ending);
    await this.#tellEnd('freezeFail');
    this.#session.isOver = true;
  }

  /** False: one failed, or the session ended meanwhile. */
  async #tellFreeze(scriptMs: number, guarded: GuardedFreeze): Promise<boolean> {
    this.#hearing = 'nothing';
    for (const script of this.#machine.knobs.scripts) {
      this.#told.push(script);
      const result = await this.#run('script', script, 'freeze', scriptMs, guarded.over);
      if (result.exitCode !== 0 || guarded.ending !== undefined) break;
    }
    this.#hearing = 'lines';
    return guarded.ending === undefined && this.#results.every(({ exitCode }) => exitCode === 0);
  }

  /** One that cannot stops nothing. False: the session ended meanwhile. */
  async #askToQuiesce(limitMs: number, guarded: GuardedFreeze): Promise<boolean> {
    this.#hearing = 'nothing';
    for (const plugIn of this.#machine.knobs.plugIns) {
      if (guarded.ending !== undefined) break;
      const { exitCode } = await this.#run('plug-in', plugIn, 'freeze', limitMs, guarded.over);
      if (exitCode === 0) this.#quiet.push(plugIn);
      else await plugIn.end?.();
    }
    this.#hearing = 'lines';
    return guarded.ending === undefined;
  }

  async #tellEnd(phase: 'thaw' | 'freezeFail'): Promise<void> {
    const limitMs = this.#terms?.scriptMs ?? 0;
    for (const plugIn of this.#quiet.splice(0).reverse()) await this.#run('plug-in', plugIn, phase, limitMs);
    for (const script of this.#told.splice(0).reverse()) await this.#run('script', script, phase, limitMs);
  }

  async #run(
    kind: HelperScript['kind'],
    script: LabScript | LabPlugIn,
    phase: HelperScript['phase'],
    limitMs: number,
    interrupt: Promise<unknown> = new Promise(() => undefined),
  ): Promise<HelperScript> {
    let timer: NodeJS.Timeout | undefined;
    const killed = { exitCode: -1, output: '' };
    const late = new Promise<typeof killed>((resolve) => {
      timer = setTimeout(() => resolve(killed), this.#machine.pace.scaledMs(limitMs));
    });
    const ended = await Promise.race([script.run(phase), late, interrupt.then(() => killed)]);
    clearTimeout(timer);
    const result = { kind, name: script.name, phase, ...ended };
    this.#results.push(result);
    return result;
  }

  #tell(event: FreezeHelperEvent): void {
    if (!this.#machine.knobs.silent) this.#io.write(Buffer.from(`${JSON.stringify(event)}\n`, 'ascii'));
  }
}

function reasonOf(ending: Ending, held: boolean): Extract<FreezeHelperEvent, { event: 'finished' }>['reason'] {
  if (ending === 'released' && !held) return 'foreign';
  return ending === 'refused' ? 'aborted' : ending;
}

const round = (valueMs: number): number => Math.round(valueMs * 1000) / 1000;
