import { createHash } from 'node:crypto';
import { win32 } from 'node:path';
import * as z from 'zod';
import { SnaphookError } from '../../ports/errors.ts';
import type { GuestHelper, HelperFile, HelperFiles, HelperStatus } from '../../ports/guest-helper.ts';
import { excerpt } from '../lines.ts';
import { type GuestContext, notInstalled } from './guest-context.ts';
import { guestError } from './guest-errors.ts';
import { lookAt, lookOf, removeFiles, requireRemoved } from './install-scripts.ts';
import type { ProgramResult, WindowsCommands } from './windows-commands.ts';
import { resolveSettings, type WindowsGuestSettings } from './windows-guest-settings.ts';

const EXECUTABLE = 'snaphook-vss.exe';
const PROVIDER = 'snaphook-vss-provider.dll';
/** In a release. In a guest the same files lie in the folder `plug-ins.d`. */
const PLUG_IN = /^plug-ins\/([^/]+)\.exe$/;

/** By what Windows calls its processor. */
const KINDS: ReadonlyMap<string, string> = new Map([
  ['AMD64', 'windows-x64'],
  ['x86', 'windows-x86'],
]);

const said = z.discriminatedUnion('event', [
  z.object({ event: z.literal('failed'), result: z.string(), message: z.string() }),
  z.object({
    event: z.literal('selftest'),
    checks: z.array(z.object({ name: z.string(), ok: z.boolean(), detail: z.string() })),
  }),
]);

/** The VSS helper of a Windows guest, over whatever way leads to it; a session of its own for each call. */
export function createWindowsHelper(name: string, settings: WindowsGuestSettings): GuestHelper {
  const context: GuestContext = { name, settings: resolveSettings(settings) };
  const { access, helperPath } = context.settings;
  const paths = [helperPath, win32.join(win32.dirname(helperPath), PROVIDER)] as const;
  const placeOf = (plugIn: string) => win32.join(win32.dirname(helperPath), 'plug-ins.d', `${plugIn}.exe`);
  const run = (commands: WindowsCommands, verb: string, signal: AbortSignal) =>
    commands.run({ path: helperPath, arguments: [verb] }, signal);

  /** Helper and provider, and what else is named. */
  const look = async (commands: WindowsCommands, signal: AbortSignal, more: readonly string[] = []) => {
    const wanted = [...paths, ...more];
    const { architecture, hashes } = lookOf(wanted, await commands.run(lookAt(wanted), signal));
    return { architecture, hashes, isThere: hashes[0] !== undefined };
  };

  const statusOf = async (
    commands: WindowsCommands,
    files: HelperFiles | undefined,
    signal: AbortSignal,
  ): Promise<HelperStatus> => {
    const { architecture, hashes, isThere } = await look(commands, signal);
    const ours = files && isThere ? await filesFor(context, files, architecture) : undefined;
    return {
      architecture,
      path: helperPath,
      version: isThere ? versionOf(context, await run(commands, 'version', signal)) : undefined,
      isOurs: ours?.every(({ content }, index) => hashes[index] === sha256(content)),
    };
  };

  const within = async <Result>(
    signal: AbortSignal,
    work: (commands: WindowsCommands) => Promise<Result>,
  ): Promise<Result> => {
    let commands: WindowsCommands | undefined;
    try {
      commands = await access.openCommands(signal);
      return await work(commands);
    } catch (thrown) {
      throw guestError(context, thrown, 'unknown');
    } finally {
      await commands?.close();
    }
  };

  return {
    endpoint: access.endpoint,
    username: access.username,
    status: (files, signal) => within(signal, (commands) => statusOf(commands, files, signal)),
    install: (files, plugIns, signal) =>
      within(signal, async (commands) => {
        const places = [...paths, ...plugIns.map(placeOf)];
        const { architecture, hashes } = await look(commands, signal, plugIns.map(placeOf));
        const ours = await filesFor(context, files, architecture, plugIns);
        const brought: string[] = [];
        for (const [index, { content }] of ours.entries()) {
          const path = places[index] ?? '';
          if (hashes[index] === sha256(content)) continue;
          await commands.upload({ path, content }, signal);
          brought.push(path);
        }
        requireDone(context, 'install', await run(commands, 'install', signal));
        const status = await statusOf(commands, files, signal);
        if (!status.isOurs) throw notInstalled(context, 'its files are others again than those that were brought');
        return { status, brought };
      }),
    uninstall: (files, signal) =>
      within(signal, async (commands) => {
        const { architecture, hashes, isThere } = await look(commands, signal);
        if (hashes.every((hash) => hash === undefined)) return false;
        const plugIns = files ? await plugInsOf(files, architecture) : new Map<string, string>();
        const places = [...plugIns.keys()].map(placeOf);
        const found = (await look(commands, signal, places)).hashes.slice(paths.length);
        const expected = [...plugIns.values()];
        // A provider without its program cannot take its own registration away; nothing of ours could use it either.
        if (isThere) requireDone(context, 'uninstall', await run(commands, 'uninstall', signal));
        // Plug-ins first: a folder goes with the last file in it.
        const gone = [...places.filter((_, index) => found[index] === expected[index]), ...paths];
        requireRemoved(gone, await commands.run(removeFiles(gone), signal));
        return true;
      }),
    selfTest: (signal) =>
      within(signal, async (commands) => {
        if (!(await look(commands, signal)).isThere) throw notInstalled(context, 'there is no such file');
        const result = await run(commands, 'selftest', signal);
        const event = eventOf(result);
        if (event?.event !== 'selftest') throw verbFailed(context, 'selftest', result);
        return event.checks;
      }),
  };
}

/** Helper, provider and these plug-ins. */
async function filesFor(
  { name }: GuestContext,
  files: HelperFiles,
  architecture: string,
  plugIns: readonly string[] = [],
): Promise<readonly HelperFile[]> {
  const kind = KINDS.get(architecture);
  if (kind === undefined) {
    throw new SnaphookError(
      'E_GUEST_HELPER',
      `there is no VSS helper for "${name}", whose processor is ${architecture}`,
      {
        hint: 'There are helpers for x64 and x86.',
      },
    );
  }
  const found = await files(kind);
  const named = (wanted: string): HelperFile => {
    const file = found.find((candidate) => candidate.name === wanted);
    if (file) return file;
    throw new SnaphookError('E_CONFIG', `file "${wanted}" is missing in the folder of ${kind}`, {
      hint: 'Name the folder with the helpers of this release by --from.',
    });
  };
  const plugIn = (wanted: string): HelperFile => {
    const known = new Map(found.map((file) => [PLUG_IN.exec(file.name)?.[1], file]));
    const file = known.get(wanted);
    if (file) return file;
    const names = [...known.keys()].filter((candidate) => candidate !== undefined).sort();
    throw new SnaphookError('E_CONFIG', `there is no application plug-in "${wanted}" for Windows guests`, {
      hint: names.length > 0 ? `There are ${names.join(', ')}.` : `There are none in the folder of ${kind}.`,
    });
  };
  return [named(EXECUTABLE), named(PROVIDER), ...plugIns.map(plugIn)];
}

/** The SHA-256 of each plug-in by its name; none for a kind of processor that has no helper either. */
async function plugInsOf(files: HelperFiles, architecture: string): Promise<ReadonlyMap<string, string>> {
  const kind = KINDS.get(architecture);
  const found = kind === undefined ? [] : await files(kind);
  return new Map(
    found.flatMap(({ name, content }) => {
      const plugIn = PLUG_IN.exec(name)?.[1];
      return plugIn === undefined ? [] : [[plugIn, sha256(content)] as const];
    }),
  );
}

/** The last thing a verb of the helper said that is of its language. */
function eventOf({ stdout }: ProgramResult): z.infer<typeof said> | undefined {
  return stdout
    .toString('utf8')
    .split(/\r?\n/)
    .filter((line) => line.startsWith('{'))
    .flatMap((line) => {
      try {
        return said.safeParse(JSON.parse(line)).data ?? [];
      } catch {
        return [];
      }
    })
    .at(-1);
}

function versionOf(context: GuestContext, result: ProgramResult): string {
  const version = /snaphook-vss \d+\.\d+\.\d+/.exec(result.stdout.toString('latin1'))?.[0];
  if (result.exitCode !== 0 || version === undefined) throw verbFailed(context, 'version', result);
  return version;
}

function requireDone(context: GuestContext, verb: 'install' | 'uninstall', result: ProgramResult): void {
  if (result.exitCode !== 0) throw verbFailed(context, verb, result);
}

function verbFailed({ name, settings }: GuestContext, verb: string, result: ProgramResult): SnaphookError {
  const event = eventOf(result);
  const detail =
    event?.event === 'failed'
      ? `${event.result} ${event.message}`
      : `exit code ${result.exitCode} ${result.stderr.toString('utf8')}`;
  return new SnaphookError(
    'E_GUEST_HELPER',
    `"${settings.helperPath}" ${verb} failed in guest "${name}": ${excerpt(detail)}`,
    { hint: 'It must run as an administrator of the guest. Try the same line in the guest itself.', effect: 'unknown' },
  );
}

const sha256 = (content: Buffer): string => createHash('sha256').update(content).digest('hex');
