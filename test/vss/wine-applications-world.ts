import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import type {
  ApplicationCall,
  ApplicationsWorld,
  PlugInCommand,
  PlugInDeeds,
  ScriptDeeds,
} from '../contract/vss-helper-applications-world.ts';
import { PLUG_IN_ANSWERS } from '../contract/vss-helper-applications-world.ts';
import type { HelperRun } from '../contract/vss-helper-conversation.ts';
import type { WineMachine } from './wine-helper-world.ts';
import { PROGRAMS } from './wine-program.ts';

const FOLDERS = ['scripts.d', 'plug-ins.d'] as const;
const SOMEBODY = 65_534;
const SITE_PROGRAM = 'site-program.exe';

/** As site-program.exe reads it. */
const deedLine = (word: string, exitCode: number | undefined, hangs: boolean, output: string) =>
  `${word} ${exitCode ?? '-'} ${hangs ? 'hangs' : '-'} ${Buffer.from(output).toString('hex') || '-'}\n`;

/** A machine with scripts of cmd.exe and plug-ins that are programs. */
export class WineApplications {
  readonly #machine: WineMachine;

  constructor(machine: WineMachine) {
    this.#machine = machine;
  }

  world(): ApplicationsWorld {
    const machine = this.#machine;
    chmodSync(machine.folder, 0o755);
    for (const folder of FOLDERS) {
      rmSync(this.#file(folder), { recursive: true, force: true });
      mkdirSync(this.#file(folder), { mode: 0o755 });
    }
    rmSync(this.#file('calls.txt'), { force: true });
    copyFileSync(path.join(PROGRAMS, SITE_PROGRAM), this.#file(SITE_PROGRAM));
    const fronts: { kill(): void }[] = [];
    let hasService = true;
    const world = machine.world();
    return {
      ...world,
      start: async (): Promise<HelperRun> => {
        const front = machine.serve();
        fronts.push(front);
        return front;
      },
      addScript: (name, deeds) => this.addScript(name, deeds),
      addPlugIn: (name, deeds) => this.addPlugIn(name, deeds),
      addFile: (folder, name) => writeFileSync(this.#file(folder, name), 'notes', { mode: 0o755 }),
      calls: () => this.calls(),
      killFronts: () => {
        for (const front of fronts) front.kill();
      },
      killService: async () => this.killService(),
      removeService: () => {
        machine.stopService();
        machine.removeService();
        hasService = false;
      },
      close: async () => {
        await world.close();
        if (!hasService) machine.makeService();
      },
    };
  }

  addScript(name: string, deeds: ScriptDeeds = {}): void {
    const lines = Object.entries(deeds).map(([phase, deed]) =>
      deedLine(phase, deed.exitCode ?? 0, deed.hangs ?? false, (deed.output ?? '').replaceAll('\n', '\r\n')),
    );
    this.#write([`deeds-${name}.txt`], lines.join(''));
    this.#write(['scripts.d', name], `@"%~dp0..\\${SITE_PROGRAM}" script %~nx0 %1\r\n@exit %errorlevel%\r\n`);
  }

  addPlugIn(name: string, deeds: PlugInDeeds = {}): void {
    const lines = (Object.entries(PLUG_IN_ANSWERS) as [PlugInCommand, string][]).map(([command, answer]) => {
      const { output = answer, exitCode, hangs = false } = deeds[command] ?? {};
      return deedLine(command, exitCode, hangs, output);
    });
    this.#write([`deeds-${name}.txt`], lines.join(''));
    copyFileSync(path.join(PROGRAMS, SITE_PROGRAM), this.#file('plug-ins.d', `${name}.exe`));
  }

  calls(): readonly ApplicationCall[] {
    const notes = existsSync(this.#file('calls.txt')) ? readFileSync(this.#file('calls.txt'), 'utf8') : '';
    return notes
      .split('\n')
      .slice(0, -1)
      .map((line) => {
        const [name = '', ...told] = line.split(' ');
        return { name, told: told.join(' ') };
      });
  }

  /** As Windows ends a process that did something wrong: it hears nothing of it. */
  killService(): boolean {
    const processes = this.#machine.serviceProcesses();
    for (const id of processes) process.kill(id, 'SIGKILL');
    return processes.length > 0;
  }

  /** Until the next world. `file`: below the helper's folder. */
  changeMode(file: string, mode: number): void {
    chmodSync(this.#file(file), mode);
  }

  /** To an account that is not the one of this process. */
  giveAway(file: string): void {
    chownSync(this.#file(file), SOMEBODY, SOMEBODY);
  }

  #write(parts: readonly string[], text: string): void {
    writeFileSync(this.#file(...parts), text, { mode: 0o755 });
  }

  #file(...parts: readonly string[]): string {
    return path.join(this.#machine.folder, ...parts);
  }
}
