import * as z from 'zod';
import { helperScripts } from '../helper-scripts.ts';
import type { FreezeHelperEvent } from './freeze-helper-protocol.ts';

const durationMs = z.number().nonnegative();
const phase = z.enum(['idle', 'prepared', 'freeze', 'frozen', 'finished']);
const texts = z.array(z.string()).readonly();

const mount = z.object({
  id: z.int(),
  device: z.string(),
  root: z.string(),
  mountPoint: z.string(),
  fileSystem: z.string(),
  source: z.string(),
});
const block = z.object({
  name: z.string(),
  device: z.string(),
  parent: z.string(),
  slaves: texts,
  serial: z.string(),
  wwid: z.string(),
  sizeBytes: z.number().nonnegative(),
  backingFile: z.string(),
});
const fileSystem = z.object({
  mountPoint: z.string(),
  frozen: z.boolean(),
  held: z.boolean(),
  errno: z.int(),
});

const helperEvent: z.ZodType<FreezeHelperEvent> = z.discriminatedUnion('event', [
  z.object({
    event: z.literal('hello'),
    protocol: z.int(),
    helper: z.string(),
    os: z.string(),
    bootId: z.string().regex(/^[0-9a-f-]{1,64}$/),
    token: z.string().regex(/^[0-9a-f]{32}$/),
  }),
  z.object({
    event: z.literal('facts'),
    mounts: z.array(mount).readonly(),
    blocks: z.array(block).readonly(),
    btrfs: z.array(texts).readonly(),
    swaps: texts,
  }),
  z.object({ event: z.literal('ready'), ownFileSystem: z.string(), scripts: helperScripts }),
  z.object({ event: z.literal('frozen'), freezeMs: durationMs }),
  z.object({ event: z.literal('thawed'), heldMs: durationMs }),
  z.object({ event: z.literal('expired'), heldMs: durationMs }),
  z.object({
    event: z.literal('finished'),
    reason: z.enum(['released', 'lease', 'end-of-input', 'aborted', 'peer', 'foreign']),
    fileSystems: z.array(fileSystem).readonly(),
    scripts: helperScripts,
  }),
  z.object({ event: z.literal('status'), phase }),
  z.object({ event: z.literal('aborted') }),
  z.object({ event: z.literal('released'), found: z.boolean() }),
  z.object({
    event: z.literal('failed'),
    phase,
    object: z.string(),
    message: z.string(),
    errno: z.int(),
    scripts: helperScripts,
  }),
]);

/** One line from the helper; undefined when it is no event of the protocol. Unknown fields are allowed, unknown events not. */
export function parseHelperLine(line: string): FreezeHelperEvent | undefined {
  try {
    const parsed = helperEvent.safeParse(JSON.parse(line));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

/** One command as the helper reads it. Paths are given as the helper wrote them. */
export const commandLine = (...words: readonly (string | number)[]): Buffer =>
  Buffer.from(`${words.join(' ')}\n`, 'ascii');

/** A path as the helper reads it: bytes that are no printable ASCII, and blank, backslash and double quote, in octal. */
export const octalPath = (path: string): string =>
  [...Buffer.from(path, 'utf8')]
    .map((byte) =>
      byte <= 0x20 || byte >= 0x7f || byte === 0x5c || byte === 0x22
        ? `\\${byte.toString(8).padStart(3, '0')}`
        : String.fromCharCode(byte),
    )
    .join('');

/** One word for the shell of the account, whatever is in it. */
export const shellWord = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;

/** Where the helper takes scripts from without being told on its command line. */
const OWN_FOLDER = '/etc/snaphook';

/** A folder elsewhere must stand on the command line, where sudoers can fix it. */
export const serveArguments = ({
  scriptsDirectory,
}: {
  readonly scriptsDirectory: string | undefined;
}): readonly string[] =>
  scriptsDirectory === undefined || `${scriptsDirectory}/`.startsWith(`${OWN_FOLDER}/`)
    ? ['serve']
    : ['serve', '--scripts', scriptsDirectory];

/** The command line of one call of the helper: fixed words around a path from the settings. */
export function helperCommand(
  settings: { readonly helperPath: string; readonly sudo: boolean },
  words: readonly string[],
): string {
  const program = [settings.helperPath, ...words].map(shellWord).join(' ');
  return settings.sudo ? `sudo -n -- ${program}` : program;
}
