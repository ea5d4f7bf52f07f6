import { writeFileSync } from 'node:fs';
import { integrationNamed, integrationNames } from '../integrations/catalogue.ts';
import type { HookPhase, Integration, ProductCall } from '../integrations/contract.ts';
import { HOOK_USAGE, type HookOptions, integrationWord, readHookOptions } from '../integrations/hook-options.ts';
import { endProgram, runVerb, type VerbResult } from '../src/cli/console.ts';
import { EXIT } from '../src/cli/exit-codes.ts';
import { SnaphookError } from '../src/ports/errors.ts';
import { type HookChannel, openHookChannel, stderrChannel } from './hook-channel.ts';

/** Some products empty the environment of a hook; what mounts and checks file systems lies in /usr/sbin. */
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * A hook program: the integration reads the call, the verb does the work, stdout and the exit code tell the product.
 * `phase` undefined: the product's own words tell it.
 */
export async function runHook(
  name: string,
  phase: 'pre' | 'post' | 'list' | undefined,
  argv: readonly string[],
): Promise<never> {
  const own = argv.includes('--') ? argv.slice(0, argv.indexOf('--')) : argv;
  becomeIndependent();
  const caller = await callerOf(own);
  // Where stdout is the product's, not even the refusal of `--json` is printed there.
  const isOwnStdout = caller === undefined || caller.stdout === 'result';
  const invocation = { json: isOwnStdout && own.includes('--json'), debug: own.includes('--debug') };
  // A list is data, and products that ask for one read both streams as one.
  const openChannel = (integration: Integration, logFile: string | undefined) =>
    openHookChannel({ name: integration.name, stderr: phase === 'list' ? 'silent' : integration.stderr }, logFile);
  let channel: HookChannel | undefined;
  let call: ProductCall | undefined;
  const work = async (signal: AbortSignal): Promise<VerbResult> => {
    const options = readHookOptions(argv, process.env);
    if (options.help) return { document: { usage: HOOK_USAGE }, text: usageOf(name), exitCode: EXIT.ok };
    const integration = caller ?? (await integrationNamed(options.integration));
    channel = openChannel(integration, options.logFile);
    call = integration.read({ phase, words: options.words, env: process.env });
    return hookResult(integration, call, options, channel, signal);
  };
  const channelOfCaller = () => (channel ??= caller ? openChannel(caller, undefined) : stderrChannel);
  const exitCode = await runVerb(invocation, work, (text) => channelOfCaller().tellError(text));
  const told = caller ? productExit(caller, call?.phase ?? 'none', exitCode) : exitCode;
  if (call?.resultFile !== undefined) tellResult(call.resultFile, told, channelOfCaller());
  return endProgram(told);
}

/** Of what products do not give their hooks, or give them too little of. */
function becomeIndependent(): void {
  if (process.platform === 'win32') return;
  process.env.PATH ||= DEFAULT_PATH;
  // Without the rights of its owner nobody but root opens a file again, not even who made it.
  process.umask(process.umask() & 0o077);
}

/** Before any option is believed: where the options are wrong, too, the product has to be told so in its own numbers. */
async function callerOf(argv: readonly string[]): Promise<Integration | undefined> {
  const word = integrationWord(argv, process.env);
  return integrationNames().includes(word) ? integrationNamed(word) : undefined;
}

async function hookResult(
  integration: Integration,
  call: ProductCall,
  options: HookOptions,
  channel: HookChannel,
  signal: AbortSignal,
): Promise<VerbResult> {
  if (options.json && integration.stdout !== 'result') {
    throw new SnaphookError('E_USAGE', `--json does not go with --integration ${integration.name}`, {
      hint: 'The product reads stdout itself, or wants it silent. `snaphook status --json` shows the run.',
    });
  }
  const { hookWork } = await import('./hook-work.ts');
  return hookWork(integration, call, options, channel.reporter, signal);
}

const usageOf = (name: string) => `Usage: ${name} --job NAME [options] [-- words of the product]\n\n${HOOK_USAGE}`;

/** What our exit code means to the product, in its own numbers. */
export function productExit({ exits }: Integration, phase: HookPhase, exitCode: number): number {
  if (exitCode === EXIT.ok) return 0;
  if (phase === 'pre' && exitCode === EXIT.degraded) return exits.degraded;
  if (phase === 'post' && exitCode === EXIT.nothingToDo) return exits.nothingToDo;
  return exits.failed === 'own' ? exitCode : exits.failed;
}

function tellResult(file: string, exitCode: number, channel: HookChannel): void {
  try {
    writeFileSync(file, `${exitCode}\r\n`);
  } catch (error) {
    channel.reporter.warn('the result file of the product cannot be written', { file, error: String(error) });
  }
}
