import * as z from 'zod';
import type { ScriptRun } from '../ports/guest.ts';
import type { HelperScript } from './script-protocol.ts';

const helperScript = z.object({
  kind: z.enum(['script', 'plug-in']),
  name: z.string(),
  phase: z.enum(['freeze', 'thaw', 'freezeFail']),
  exitCode: z.int(),
  output: z.string(),
});

/** The member `scripts` of an event. */
export const helperScripts: z.ZodType<readonly HelperScript[]> = z.array(helperScript).readonly();

export const scriptRuns = (scripts: readonly HelperScript[]): readonly ScriptRun[] =>
  scripts.map(({ exitCode, ...script }) => ({ ...script, exitCode: exitCode < 0 ? undefined : exitCode }));
