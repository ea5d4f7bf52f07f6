import * as z from 'zod';
import { type HelperEvent, RELEASE_BYTE } from '../../src/guest/windows/vss-helper-protocol.ts';

/** A running helper as bytes: how they get there is the machine's business. */
export interface HelperRun {
  write(bytes: Uint8Array): Promise<void> | void;
  endInput(): Promise<void> | void;
  readonly output: AsyncIterable<Uint8Array>;
  /** Exit code. */
  readonly exited: Promise<number>;
}

const phase = z.enum([
  'idle',
  'prepare',
  'prepared',
  'quiesce',
  'quiet',
  'freeze',
  'frozen',
  'thaw',
  'finished',
  'complete',
]);
const result = z.string().regex(/^0x[0-9A-F]{8}$/);
const writers = z.array(
  z.strictObject({
    id: z.guid(),
    name: z.string().min(1),
    instance: z.guid(),
    state: z.number().int().min(0).max(15),
    result,
    selected: z.boolean(),
  }),
);
const volumes = z.array(
  z.strictObject({
    volume: z.string(),
    mountPoint: z.string(),
    fileSystem: z.string().min(1),
    disks: z.array(z.string().min(1)),
  }),
);
const events = z
  .array(
    z.strictObject({
      source: z.string().min(1),
      id: z.number().int(),
      level: z.enum(['error', 'warning', 'information']),
      at: z.iso.datetime(),
      text: z.string(),
    }),
  )
  .max(20);
const excludedComponents = z.array(
  z.strictObject({ writer: z.guid(), component: z.string().min(1), reason: z.string().min(1) }),
);
const checks = z.array(
  z.strictObject({
    name: z.enum([
      'os',
      'rights',
      'provider-registered',
      'provider-loads',
      'com-security',
      'writers',
      'volumes',
      'hold',
      'service',
    ]),
    ok: z.boolean(),
    detail: z.string(),
  }),
);
const scripts = z.array(
  z.strictObject({
    kind: z.enum(['script', 'plug-in']),
    name: z.string().regex(/^[\w.-]+$/),
    phase: z.enum(['freeze', 'thaw', 'freezeFail']),
    exitCode: z.number().int().min(-1),
    output: z
      .string()
      .max(2000)
      .regex(/^[\x20-\x7e\t\n]*$/),
  }),
);
const ms = z.number().min(0);

/** Strict: a member nobody agreed on is an error, too. */
const eventSchema = z.discriminatedUnion('event', [
  z.strictObject({
    event: z.literal('hello'),
    protocol: z.number().int(),
    helper: z.string(),
    os: z.string(),
    bootId: z.string(),
  }),
  z.strictObject({
    event: z.literal('prepared'),
    writers,
    volumes,
    notHeld: z.array(z.string().min(1)),
    components: z.array(z.string()),
    excludedComponents,
    hasPrograms: z.boolean(),
  }),
  z.strictObject({ event: z.literal('quiesced'), scripts }),
  z.strictObject({ event: z.literal('frozen'), atMs: ms, freezeMs: ms }),
  z.strictObject({ event: z.literal('thawed'), heldMs: ms }),
  z.strictObject({ event: z.literal('expired'), heldMs: ms }),
  z.strictObject({ event: z.literal('finished'), result, writers, events, scripts }),
  z.strictObject({ event: z.literal('completed'), writers }),
  z.strictObject({ event: z.literal('parked') }),
  z.strictObject({ event: z.literal('resumed'), phase: z.literal('finished'), writers }),
  z.strictObject({ event: z.literal('selftest'), checks }),
  z.strictObject({ event: z.literal('status'), phase }),
  z.strictObject({ event: z.literal('aborted') }),
  z.strictObject({ event: z.literal('failed'), phase, result, message: z.string().min(1), writers, events, scripts }),
]);

const DEADLINE_MS = 15_000;

/** Speaks with a helper and checks every line it writes against the protocol. */
export class HelperConversation {
  readonly #run: HelperRun;
  readonly #lines: string[] = [];
  readonly #decoder = new TextDecoder('utf-8', { fatal: true });
  #rest = '';
  #wake: () => void = () => undefined;
  #failure: unknown;

  constructor(run: HelperRun) {
    this.#run = run;
    this.#collect().catch((error: unknown) => {
      this.#failure = error;
      this.#wake();
    });
  }

  get exited(): Promise<number> {
    return this.#run.exited;
  }

  /** Lines that came and nobody asked for yet. */
  get pending(): readonly string[] {
    return this.#lines;
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.#run.write(bytes);
  }

  command(command: object): Promise<void> {
    return this.write(Buffer.from(`${JSON.stringify(command)}\n`));
  }

  release(): Promise<void> {
    return this.write(Uint8Array.of(RELEASE_BYTE));
  }

  async endInput(): Promise<void> {
    await this.#run.endInput();
  }

  /** The next event, which must be of this kind. */
  async expect<Name extends HelperEvent['event']>(name: Name): Promise<Extract<HelperEvent, { event: Name }>> {
    const event = await this.#next();
    if (event.event !== name) throw new Error(`expected ${name}, got ${JSON.stringify(event)}`);
    return event as Extract<HelperEvent, { event: Name }>; // just compared
  }

  /** Passes over other events until one of this kind comes. */
  async expectEventually(name: HelperEvent['event']): Promise<void> {
    while ((await this.#next()).event !== name);
  }

  /** Ends the helper however the test went. */
  async leave(): Promise<void> {
    await this.#run.endInput();
    await this.#run.exited;
  }

  async #next(): Promise<HelperEvent> {
    const deadline = performance.now() + DEADLINE_MS;
    while (this.#lines.length === 0) {
      if (this.#failure !== undefined) throw this.#failure;
      const remainingMs = deadline - performance.now();
      if (remainingMs <= 0) throw new Error('the helper did not answer');
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, remainingMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return eventSchema.parse(JSON.parse(this.#lines.shift() ?? ''));
  }

  async #collect(): Promise<void> {
    for await (const bytes of this.#run.output) {
      const lines = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split('\n');
      this.#rest = lines.pop() ?? '';
      this.#lines.push(...lines);
      this.#wake();
    }
  }
}
