import { DEFAULT_CONFIG_FILE } from '../config/load.ts';
import { endProgram, type Invocation, runVerb, type VerbResult } from './console.ts';

interface Call extends Invocation {
  readonly configFile: string | undefined;
}

/** A hook program: the integration reads the call, the verb does the work, the exit code tells the product. */
export function runHook<HookCall extends Call>(
  name: string,
  usage: string,
  readCall: (argv: readonly string[], env: NodeJS.ProcessEnv) => HookCall | 'help',
  work: (call: HookCall, configFile: string, signal: AbortSignal) => Promise<VerbResult>,
): void {
  const argv = process.argv.slice(2);
  const invocation = { json: argv.includes('--json'), debug: argv.includes('--debug') };
  const run = async (signal: AbortSignal): Promise<VerbResult> => {
    const call = readCall(argv, process.env);
    if (call === 'help')
      return { document: { usage }, text: `Usage: ${name} --job NAME [options]\n\n${usage}`, exitCode: 0 };
    return work(call, call.configFile ?? DEFAULT_CONFIG_FILE, signal);
  };
  void runVerb(invocation, run).then(endProgram);
}
