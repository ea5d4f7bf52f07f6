import * as z from 'zod';
import { PLUG_IN_NOT_IMPLEMENTED } from '../ports/guest.ts';
import type { HelperScript } from './script-protocol.ts';

/** One answer of a plug-in, a JSON line (docs/application-plug-ins.md). */
const discovered = z.object({
  event: z.literal('discovered'),
  instances: z.array(
    z.object({
      name: z.string(),
      directories: z.array(z.string()),
      /** Of every file system that holds something of it: `major:minor` as in /proc/self/mountinfo, or `\\?\Volume{guid}\`. */
      devices: z.array(z.string()),
    }),
  ),
});
const failed = z.object({ event: z.literal('failed'), message: z.string() });

export interface PlugInWord {
  /** Of the application: that of the plug-in. */
  readonly name: string;
  /** Undefined: the application is at rest, and everything that it told to have lies on what stands still. */
  readonly problem: string | undefined;
}

/** The word of each plug-in that had something to do. `standsStill`: whether a device that it names will. */
export const plugInApplications = (
  scripts: readonly HelperScript[],
  standsStill: (device: string) => boolean,
): readonly PlugInWord[] =>
  scripts
    .filter(
      ({ kind, phase, exitCode }) => kind === 'plug-in' && phase === 'freeze' && exitCode !== PLUG_IN_NOT_IMPLEMENTED,
    )
    .map((plugIn) => ({ name: plugIn.name, problem: problemOf(plugIn, standsStill) }));

function problemOf({ exitCode, output }: HelperScript, standsStill: (device: string) => boolean): string | undefined {
  const answers = output.split('\n').map(parsed);
  if (exitCode !== 0) {
    const said = answers.map((answer) => failed.safeParse(answer)).find(({ success }) => success)?.data?.message;
    return said ?? 'its plug-in gave no answer';
  }
  const found = answers.map((answer) => discovered.safeParse(answer)).find(({ success }) => success)?.data;
  // A plug-in that does not implement `discover` answers so; then its word alone counts. One that answers nonsense has none.
  if (!found)
    return output.startsWith('{"event":"discovered"') ? 'its plug-in answers what nobody understands' : undefined;
  if (found.instances.length === 0) return 'its plug-in found no instance';
  const homeless = found.instances.find(({ devices }) => devices.length === 0);
  if (homeless) return `instance "${homeless.name}" tells no file system that holds something of it`;
  const outside = found.instances.find(({ devices }) => devices.some((device) => !standsStill(device)));
  return (
    outside &&
    `instance "${outside.name}" has files on a file system that does not stand still (${outside.directories.join(', ')})`
  );
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
