import { randomBytes } from 'node:crypto';
import { AgentFault } from '../guest/guest-agent.ts';
import { ProgramInput } from '../guest/program.ts';
import type { LinuxMachine } from './linux-machine.ts';

/** A FIFO: bytes wait until its reader comes; the reader's end of input comes with the last writer's. */
class Fifo {
  readonly input = new ProgramInput();
}

type Entry =
  | { readonly kind: 'folder' }
  | { readonly kind: 'file'; content: Buffer }
  | ({ readonly kind: 'fifo' } & Fifo);

const fifo = (): Entry => Object.assign(new Fifo(), { kind: 'fifo' as const });

/** The files of the guest that its programs and VMware Tools see: folders in memory, and the rest on the guest's file systems. */
export class GuestFiles {
  readonly #machine: LinuxMachine;
  readonly #entries = new Map<string, Entry>();

  constructor(machine: LinuxMachine) {
    this.#machine = machine;
    for (const folder of ['/', '/dev', '/dev/shm', '/run', '/tmp', '/var', '/var/tmp', '/root'])
      this.#entries.set(folder, { kind: 'folder' });
  }

  /** The folders in memory are empty after a restart. */
  restart(): void {
    for (const path of [...this.#entries.keys()])
      if (isInMemory(path) && path.split('/').length > 3) this.#entries.delete(path);
  }

  /** Paths below a folder, for a look at what was left. */
  below(folder: string): readonly string[] {
    return [...this.#entries.keys()].filter((path) => path.startsWith(`${folder}/`));
  }

  get(path: string): Entry | undefined {
    return this.#entries.get(path);
  }

  async makeFolder(path: string, withParents = false): Promise<void> {
    if (this.#entries.has(path)) throw new AgentFault('FileAlreadyExists', path);
    const parent = parentOf(path);
    if (withParents && !this.#entries.has(parent)) await this.makeFolder(parent, true);
    await this.#put(path, { kind: 'folder' });
  }

  async makeTemporaryFolder(parent: string, prefix: string, suffix: string): Promise<string> {
    const path = `${parent}/${prefix}vmware${randomBytes(3).toString('hex')}${suffix}`;
    await this.makeFolder(path);
    return path;
  }

  makeFifo(path: string): Promise<void> {
    return this.#put(path, fifo());
  }

  /** Opened for writing with truncation, as a shell does for `>`. */
  async create(path: string): Promise<void> {
    await this.#put(path, { kind: 'file', content: Buffer.alloc(0) });
  }

  async append(path: string, data: Buffer): Promise<void> {
    await this.#whenWritable(path);
    const entry = this.#entries.get(path);
    if (entry?.kind === 'fifo') entry.input.push(data);
    // A file that was removed meanwhile takes it all the same; nobody sees it.
    if (entry?.kind === 'file') entry.content = Buffer.concat([entry.content, data]);
  }

  read(path: string): Buffer {
    const entry = this.#entries.get(path);
    if (entry?.kind !== 'file') throw new AgentFault('FileNotFound', path);
    return entry.content;
  }

  async write(path: string, content: Buffer, overwrite: boolean): Promise<void> {
    if (this.#entries.has(path) && !overwrite) throw new AgentFault('FileAlreadyExists', path);
    await this.#put(path, { kind: 'file', content });
  }

  async remove(path: string): Promise<void> {
    if (!this.#entries.has(path)) throw new AgentFault('FileNotFound', path);
    await this.#whenWritable(path);
    for (const one of [path, ...this.below(path)]) this.#entries.delete(one);
  }

  async #put(path: string, entry: Entry): Promise<void> {
    if (this.#entries.get(parentOf(path))?.kind !== 'folder') throw new AgentFault('FileNotFound', path);
    await this.#whenWritable(path);
    this.#entries.set(path, entry);
  }

  async #whenWritable(path: string): Promise<void> {
    if (!isInMemory(path)) await this.#machine.whenWritable(path);
  }
}

const isInMemory = (path: string): boolean => /^\/(run|dev\/shm)(\/|$)/.test(path);
const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/')) || '/';
