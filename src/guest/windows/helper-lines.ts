import * as z from 'zod';
import { helperScripts } from '../helper-scripts.ts';
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
const excludedComponents = z
  .array(z.object({ writer: z.string(), component: z.string(), reason: z.string() }))
  .readonly();
const logEntry = z.object({
  source: z.string(),
  id: z.int(),
  level: z.enum(['error', 'warning', 'information']),
  at: z.string(),
  text: z.string(),
});
const events = z.array(logEntry).readonly();
const check = z.object({
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
});
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
    notHeld: z.array(z.string()).readonly().optional(),
    components: z.array(z.string()).readonly(),
    excludedComponents,
    hasPrograms: z.boolean(),
  }),
  z.object({ event: z.literal('quiesced'), scripts: helperScripts }),
  z.object({ event: z.literal('frozen'), atMs: durationMs, freezeMs: durationMs }),
  z.object({ event: z.literal('thawed'), heldMs: durationMs }),
  z.object({ event: z.literal('expired'), heldMs: durationMs }),
  z.object({ event: z.literal('finished'), result: hresult, writers, events, scripts: helperScripts }),
  z.object({ event: z.literal('completed'), writers }),
  z.object({ event: z.literal('parked') }),
  z.object({ event: z.literal('resumed'), phase: z.literal('finished'), writers }),
  z.object({ event: z.literal('selftest'), checks: z.array(check).readonly() }),
  z.object({ event: z.literal('status'), phase }),
  z.object({ event: z.literal('aborted') }),
  z.object({
    event: z.literal('failed'),
    phase,
    result: hresult,
    message: z.string(),
    writers,
    events,
    scripts: helperScripts,
  }),
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
