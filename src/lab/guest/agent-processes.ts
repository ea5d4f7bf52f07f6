import type { EventLog } from '../world/events.ts';
import type { Pace } from '../world/pace.ts';
import { AgentFault, type AgentProcess } from './guest-agent.ts';

/** VMware Tools keeps the end of a process for so long. */
const KEPT_MS = 5 * 60_000;

interface StartedProcess {
  readonly info: AgentProcess;
  /** Undefined: the lab cannot end it. */
  readonly kill: (() => void) | undefined;
}

/** What VMware Tools has started in a guest: until it ends, and for five minutes after. */
export class AgentProcesses {
  readonly #world: { readonly guestName: string; readonly pace: Pace; readonly events: EventLog };
  readonly #started = new Map<number, StartedProcess>();
  readonly #step: number;
  #nextPid: number;

  /** Windows counts its process ids by fours. */
  constructor(
    world: { readonly guestName: string; readonly pace: Pace; readonly events: EventLog },
    { first, step }: { readonly first: number; readonly step: number },
  ) {
    this.#world = world;
    this.#nextPid = first;
    this.#step = step;
  }

  /** Resolves with nothing: whoever wants to know how it ended asks. */
  add(
    { name, owner, cmdLine }: Pick<AgentProcess, 'name' | 'owner' | 'cmdLine'>,
    end: Promise<number>,
    kill?: () => void,
  ): number {
    const pid = this.#nextPid;
    this.#nextPid += this.#step;
    const info = { pid, name, owner, cmdLine, startTime: new Date() };
    this.#started.set(pid, { info, kill });
    void end.then((exitCode) => this.#ended(pid, exitCode));
    return pid;
  }

  list(pids: readonly number[]): readonly AgentProcess[] {
    const all = [...this.#started.values()].map(({ info }) => info);
    return all.filter(({ pid }) => pids.length === 0 || pids.includes(pid));
  }

  terminate(pid: number): void {
    const process = this.#started.get(pid);
    if (!process) throw new AgentFault('GuestProcessNotFound', String(pid));
    if (process.info.endTime) return;
    const { info, kill } = process;
    if (kill) kill();
    else this.#world.events.add('guest', 'unserved', 'terminate', this.#world.guestName, { what: info.cmdLine });
  }

  /** The guest starts again: those that ran are gone, and what ended before is forgotten. */
  restart(): void {
    const before = [...this.#started.values()];
    this.#started.clear();
    for (const { info, kill } of before) if (!info.endTime) kill?.();
  }

  #ended(pid: number, exitCode: number): void {
    const process = this.#started.get(pid);
    if (!process) return;
    this.#started.set(pid, { ...process, info: { ...process.info, endTime: new Date(), exitCode } });
    setTimeout(() => this.#started.delete(pid), this.#world.pace.scaledMs(KEPT_MS)).unref();
  }
}
