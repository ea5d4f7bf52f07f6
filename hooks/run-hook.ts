import { writeFileSync } from 'node:fs';
import { integrationNamed } from '../integrations/catalogue.ts';
import type { HookPhase, Integration, ProductCall } from '../integrations/contract.ts';
import { HOOK_USAGE, type HookOptions, readHookOptions } from '../integrations/hook-options.ts';
import { endProgram, runVerb, type VerbResult } from '../src/cli/console.ts';
import { EXIT } from '../src/cli/exit-codes.ts';
import { SnaphookError } from '../src/ports/errors.ts';
import { type HookChannel, openHookChannel, stderrChannel } from './hook-channel.ts';

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
  const invocation = { json: own.includes('--json'), debug: own.includes('--debug') };
  let channel = stderrChannel;
  let known: { readonly integration: Integration; readonly call: ProductCall } | undefined;
  const work = async (signal: AbortSignal): Promise<VerbResult> => {
    const options = readHookOptions(argv, process.env);
    if (options.help) return { document: { usage: HOOK_USAGE }, text: usageOf(name), exitCode: EXIT.ok };
    const integration = await integrationNamed(options.integration);
    // A list is data, and products that ask for one read both streams as one.
    const stderr = phase === 'list' ? 'silent' : integration.stderr;
    channel = openHookChannel({ name: integration.name, stderr }, options.logFile);
    const call = integration.read({ phase, words: options.words, env: process.env });
    known = { integration, call };
    return hookResult(integration, call, options, channel, signal);
  };
  const exitCode = await runVerb(invocation, work, (text) => channel.tellError(text));
  const told = known ? productExit(known.integration, known.call.phase, exitCode) : exitCode;
  if (known?.call.resultFile !== undefined) tellResult(known.call.resultFile, told, channel);
  return endProgram(told);
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
