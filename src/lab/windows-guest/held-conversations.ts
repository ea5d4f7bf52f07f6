import { type Program, ProgramInput, type ProgramIo } from '../guest/program.ts';
import type { Pace } from '../world/pace.ts';
import { FileRefusal, type GuestFiles } from './guest-files.ts';

const NAME = /^[0-9a-f]{32}$/;
const BYTES = /^(?:[0-9a-f]{2})*$/;
/** Without an end of its own the input of a session ends after this. */
const LIFE_MS = 60 * 60_000;
const AWAIT_MS = 2 * 60_000;
const FROZEN = '{"event":"frozen"';

const DONE = 0;
const FAILED = 1;
const NO_CALL = 2;

interface HeldConversation {
  readonly input: ProgramInput;
  readonly frozen: AbortController;
}

export interface HeldConversationParts {
  readonly pace: Pace;
  readonly files: GuestFiles;
  /** Resolves when writes to the volume of that path are not held. */
  readonly whenWritable: (path: string) => Promise<void>;
  readonly knobs: { readonly heldIsDeaf: boolean };
  /** The conversation of `serve`. */
  readonly serve: Program;
}

/** `hold`, `tell` and `await` of `snaphook-vss.exe`: the conversation of `serve` for whoever can start programs and read files alone. */
export class HeldConversations {
  readonly #parts: HeldConversationParts;
  readonly #open = new Map<string, HeldConversation>();

  constructor(parts: HeldConversationParts) {
    this.#parts = parts;
  }

  /** Undefined: the arguments are of none of the three. */
  run(io: ProgramIo): Promise<number> | undefined {
    const [verb, name = '', last, ...more] = wordsOf(io.arguments);
    if (more.length > 0) return undefined;
    if (verb === 'hold' && last !== undefined) return this.#hold(name, last, io);
    if (verb === 'tell' && last !== undefined) return Promise.resolve(this.#tell(name, last));
    if (verb === 'await' && last === undefined) return this.#await(name, io);
    return undefined;
  }

  async #hold(name: string, file: string, io: ProgramIo): Promise<number> {
    const { files, pace } = this.#parts;
    if (!NAME.test(name)) return NO_CALL;
    if (this.#open.has(name) || files.read(file)) return FAILED;
    let close: () => void;
    try {
      close = files.open(file);
    } catch (error) {
      if (error instanceof FileRefusal) return FAILED;
      throw error;
    }
    const held: HeldConversation = { input: new ProgramInput(), frozen: new AbortController() };
    this.#open.set(name, held);
    const life = setTimeout(() => held.input.end(), pace.scaledMs(LIFE_MS));
    life.unref();
    const events = this.#eventsTo(file, held);
    try {
      const exitCode = await this.#parts.serve({ ...io, stdin: held.input, write: events.write });
      await events.written();
      return exitCode;
    } finally {
      clearTimeout(life);
      this.#open.delete(name);
      close();
    }
  }

  /** `frozen` waits for what comes after it; a write to a volume that stands still waits, in its order. */
  #eventsTo(file: string, { frozen }: HeldConversation) {
    const { files, whenWritable } = this.#parts;
    let kept = '';
    let written = Promise.resolve();
    const append = (text: string) => {
      written = written.then(async () => {
        await whenWritable(file);
        files.append(file, Buffer.from(text));
      });
    };
    return {
      write: (_: 'stdout' | 'stderr', data: string | Buffer) => {
        kept += data.toString();
        if (kept.startsWith(FROZEN) && kept.indexOf('\n') === kept.length - 1) return frozen.abort();
        append(kept);
        kept = '';
      },
      written: () => written,
    };
  }

  #tell(name: string, hex: string): number {
    if (!NAME.test(name) || !BYTES.test(hex)) return NO_CALL;
    const held = this.#open.get(name);
    if (!held) return FAILED;
    if (!this.#parts.knobs.heldIsDeaf) held.input.push(Buffer.from(hex, 'hex'));
    return DONE;
  }

  #await(name: string, { killed }: ProgramIo): Promise<number> {
    if (!NAME.test(name)) return Promise.resolve(NO_CALL);
    const held = this.#open.get(name);
    if (!held) return Promise.resolve(FAILED);
    if (held.frozen.signal.aborted) return Promise.resolve(DONE);
    return new Promise((resolve) => {
      const limit = setTimeout(() => resolve(FAILED), this.#parts.pace.scaledMs(AWAIT_MS));
      limit.unref();
      const end = (exitCode: number) => () => {
        clearTimeout(limit);
        resolve(exitCode);
      };
      held.frozen.signal.addEventListener('abort', end(DONE), { once: true });
      killed.addEventListener('abort', end(FAILED), { once: true });
    });
  }
}

/** As CommandLineToArgvW splits them, without quotes inside of words. */
const wordsOf = (line: string): readonly string[] =>
  [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
