import type { Integration, ProductCall } from '../integrations/contract.ts';
import type { HookOptions } from '../integrations/hook-options.ts';
import type { VerbResult } from '../src/cli/console.ts';
import { EXIT } from '../src/cli/exit-codes.ts';
import { DEFAULT_CONFIG_FILE } from '../src/config/load.ts';
import type { JobContext } from '../src/job/job-spec.ts';
import { SnaphookError } from '../src/ports/errors.ts';
import type { Reporter } from '../src/ports/reporter.ts';

/** Kept off the product's limit: for starting and ending, and for a clock that is not ours. */
const LIMIT_MARGIN_MS = 5000;

/** Does what the call asks for. What the product may not see on stdout is not in the result. */
export async function hookWork(
  integration: Integration,
  call: ProductCall,
  options: HookOptions,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<VerbResult> {
  if (call.phase === 'none') return { document: undefined, text: call.answer ?? '', exitCode: EXIT.ok };
  const context = contextOf(integration, call, options);
  const configFile = options.configFile ?? DEFAULT_CONFIG_FILE;
  const vms = options.vms.length > 0 ? options.vms : (call.vms ?? []);
  const limitMs = limitOf(integration, options);
  switch (call.phase) {
    case 'pre': {
      const { preVerb, runPre } = await import('../src/cli/pre-verb.ts');
      // The call that comes first makes the run for all of them: it must not be of its own VM alone.
      const wanted = context.member ? { vms: [], ownVms: vms } : { vms };
      const request = { configFile, context, ...wanted, onOpenRun: options.onOpenRun, limitMs };
      if (integration.stdout === 'result') return preVerb(request, reporter, signal);
      const run = await runPre(request, reporter, signal);
      const text = integration.stdout === 'silent' ? '' : integration.stdout(run, call);
      return { document: undefined, text, exitCode: run.degraded ? EXIT.degraded : EXIT.ok };
    }
    case 'post': {
      const { postVerb } = await import('../src/cli/post-verb.ts');
      if (call.outcome !== undefined) reporter.info('the backup ended', { outcome: call.outcome });
      return forProduct(integration, await postVerb({ configFile, context, limitMs }, reporter), reporter);
    }
    case 'check': {
      const { planVerb } = await import('../src/cli/plan-verb.ts');
      return forProduct(integration, await planVerb({ configFile, job: context.job, vms }, reporter, signal), reporter);
    }
    case 'list':
      throw new SnaphookError('E_USAGE', `--integration ${integration.name} has no list to print`);
  }
}

function contextOf(integration: Integration, call: ProductCall, options: HookOptions): JobContext {
  const job = options.job ?? call.job;
  if (!job) {
    throw new SnaphookError('E_USAGE', 'no job is named', { hint: 'Give --job NAME or set SNAPHOOK_JOB.' });
  }
  return {
    job,
    integration: integration.name,
    instance: options.instance ?? call.instance,
    productRunId: options.runId ?? call.runId,
    level: options.level ?? call.level,
    ...(call.member && { member: { name: call.member.name, of: call.member.of } }),
  };
}

function limitOf(integration: Integration, options: HookOptions): number | undefined {
  const seconds = options.limitSeconds ?? integration.limitSeconds;
  return seconds === undefined || seconds === 0 ? undefined : seconds * 1000 - LIMIT_MARGIN_MS;
}

/** What a person would read on stdout goes to the log of a product that keeps stdout for itself. */
function forProduct(integration: Integration, result: VerbResult, reporter: Reporter): VerbResult {
  if (integration.stdout === 'result') return result;
  for (const line of result.text.split('\n')) if (line !== '') reporter.info(line);
  return { ...result, text: '', document: undefined };
}
