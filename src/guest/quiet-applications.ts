import type { GuestApplication } from '../ports/guest.ts';
import { plugInApplications } from './plug-ins.ts';
import type { HelperScript } from './script-protocol.ts';

/** What a script prints, on a line of its own, when it has made an application quiet. */
const QUIET = /^quiet ([\w.-]{1,64})\s*$/gm;
/** Of longer output the helper tells the end only, and its first line may be the tail of one. */
const OUTPUT_LIMIT_BYTES = 2000;

const wholeLines = (output: string): string =>
  output.length < OUTPUT_LIMIT_BYTES ? output : output.slice(output.indexOf('\n') + 1 || output.length);

/**
 * Applications of a guest as its scripts and plug-ins speak for them, and those that the settings name. `standsStill`: whether what a
 * plug-in names as a device of its application will stand still.
 */
export function quietApplications(
  required: readonly string[],
  scripts: readonly HelperScript[],
  standsStill: (device: string) => boolean,
): readonly GuestApplication[] {
  const byScripts = scripts
    .filter(({ kind, phase, exitCode }) => kind === 'script' && phase === 'freeze' && exitCode === 0)
    .flatMap(({ output }) => [...wholeLines(output).matchAll(QUIET)].flatMap(([, name]) => name ?? []));
  const byPlugIns = plugInApplications(scripts, standsStill);
  const problems = new Map(byPlugIns.map(({ name, problem }) => [name, problem]));
  return [...new Set([...required, ...byScripts, ...byPlugIns.map(({ name }) => name)])].map((name) => {
    const problem = problems.get(name);
    return {
      name,
      required: required.includes(name),
      // A plug-in that says no is not overruled by a script.
      quiet: problem === undefined && (problems.has(name) || byScripts.includes(name)),
      ...(problem !== undefined && { problem }),
    };
  });
}
