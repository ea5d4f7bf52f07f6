import type { Argv } from 'yargs';
import { endProgram, runVerb, type VerbResult } from './console.ts';

/** Options every verb takes. */
interface CommonOptions {
  readonly config: string;
  readonly json: boolean;
  readonly debug: boolean;
}

type Work<Options> = (options: Options & CommonOptions, signal: AbortSignal) => Promise<VerbResult>;

/** Each verb loads its code only when it is called: a hook must start fast. */
export function verb<Options>(work: Work<Options>) {
  return async (options: Options): Promise<void> => {
    // yargs adds the common options to every command's own.
    const all = options as Options & CommonOptions;
    await endProgram(await runVerb(all, (signal) => work(all, signal)));
  };
}

/** Examples first: at night nobody reads a list of options to find out how a verb is used. */
export const withExamples = <Options>(
  command: Argv<Options>,
  ...examples: readonly (readonly [string, string])[]
): Argv<Options> => {
  const width = Math.max(...examples.map(([line]) => line.length));
  const lines = examples.map(([line, what]) => `  ${line.padEnd(width)}  ${what}`);
  return command.usage(`Examples:\n${lines.join('\n')}`);
};

export const jobOption = <Options>(parser: Argv<Options>) =>
  parser.option('job', { type: 'string', demandOption: true, describe: 'job in the configuration', requiresArg: true });
