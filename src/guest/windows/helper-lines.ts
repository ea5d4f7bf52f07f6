import * as z from 'zod';
import type { HelperCommand, HelperEvent } from './vss-helper-protocol.ts';

const writer = z.object({
  id: z.string(),
  name: z.string(),
  instance: z.string(),
  state: z.int().nonnegative(),
  result: z.string().regex(/^0x[0-9A-Fa-f]{8}$/),
  selected: z.boolean(),
});
const writers = z.array(writer).readonly();
const volume = z.object({
  volume: z.string(),
  mountPoint: z.string(),
  fileSystem: z.string(),
  disks: z.array(z.string()).readonly(),
});
const phase = z.enum(['idle', 'prepare', 'prepared', 'freeze', 'frozen', 'thaw', 'finished', 'complete']);
const hresult = z.string().regex(/^0x[0-9A-Fa-f]{8}$/);
const durationMs = z.number().nonnegative();

const helperEvent: z.ZodType<HelperEvent> = z.discriminatedUnion('event', [
  z.object({
    event: z.literal('hello'),
    protocol: z.int(),
    helper: z.string(),
    os: z.string(),
    bootId: z.string(),
  }),
  z.object({
    event: z.literal('prepared'),
    writers,
    volumes: z.array(volume).readonly(),
    components: z.array(z.string()).readonly(),
  }),
  z.object({ event: z.literal('frozen'), atMs: durationMs, freezeMs: durationMs }),
  z.object({ event: z.literal('thawed'), heldMs: durationMs }),
  z.object({ event: z.literal('expired'), heldMs: durationMs }),
  z.object({ event: z.literal('finished'), result: hresult, writers }),
  z.object({ event: z.literal('completed'), writers }),
  z.object({ event: z.literal('status'), phase }),
  z.object({ event: z.literal('aborted') }),
  z.object({ event: z.literal('failed'), phase, result: hresult, message: z.string(), writers }),
]);

/** One line from the helper; undefined when it is no event of the protocol. Unknown fields are allowed, unknown events not. */
export function parseHelperLine(line: string): HelperEvent | undefined {
  try {
    const parsed = helperEvent.safeParse(JSON.parse(line));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

/** One command as the helper reads it. */
export const commandLine = (command: HelperCommand): Buffer => Buffer.from(`${JSON.stringify(command)}\n`, 'utf8');

/** Foreign text for an error message: one line, printable, short. */
export function excerpt(text: string): string {
  const printable = text.replace(/[^\p{L}\p{N}\p{P}\p{S} ]+/gu, ' ').trim();
  return printable.length > 200 ? `${printable.slice(0, 200)}…` : printable;
}

const MAX_LINE_BYTES = 1024 * 1024;
const NEWLINE = 0x0a;

/** Joins output chunks by bytes and gives back whole lines: a chunk may end within a character. */
export class LineSplitter {
  #rest: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): readonly string[] {
    const joined = Buffer.concat([this.#rest, chunk]);
    const lines: string[] = [];
    let start = 0;
    for (let end = joined.indexOf(NEWLINE); end >= 0; end = joined.indexOf(NEWLINE, start)) {
      lines.push(joined.toString('utf8', start, end).replace(/\r$/, ''));
      start = end + 1;
    }
    this.#rest = joined.subarray(start);
    if (this.#rest.length > MAX_LINE_BYTES) {
      lines.push(this.#rest.toString('utf8', 0, 1000));
      this.#rest = Buffer.alloc(0);
    }
    return lines;
  }
}
