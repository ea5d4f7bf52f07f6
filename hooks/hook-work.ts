import type { BackupOutcome, HandedOver, Integration, ProductCall } from '../integrations/contract.ts';
import type { HookOptions } from '../integrations/hook-options.ts';
import type { VerbResult } from '../src/cli/console.ts';
import { EXIT } from '../src/cli/exit-codes.ts';
import { DEFAULT_CONFIG_FILE } from '../src/config/default-file.ts';
import { loadConfig } from '../src/config/load.ts';
import type { JobContext } from '../src/job/job-spec.ts';
import type { BackupResult } from '../src/job/journal-records.ts';
import { SnaphookError } from '../src/ports/errors.ts';
import type { Reporter } from '../src/ports/reporter.ts';

/** Kept off the product's limit: for starting and ending, and for a clock that is not ours. */
export const LIMIT_MARGIN_MS = 5000;

/** Does what the call asks for. What the product may not see on stdout is not in the result. */
export async function hookWork(
  integration: Integration,
  call: ProductCall,
  options: HookOptions,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<VerbResult> {
  if (call.phase === 'none') return { document: undefined, text: call.answer ?? '', exitCode: EXIT.ok };
  const configFile = options.configFile ?? DEFAULT_CONFIG_FILE;
  const context = contextOf(integration, call, options, configFile);
  const vms = options.vms.length > 0 ? options.vms : (call.vms ?? []);
  const limitMs = limitOf(integration, options);
  switch (call.phase) {
    case 'pre': {
      if (call.incrementals !== undefined && call.incrementals !== integration.incrementals) {
        const fields = { incrementals: call.incrementals };
        reporter.info(
          'the call says how incremental backups find what changed; the product itself shows it to no hook',
          fields,
        );
      }
      const { goOn, preVerb, runPre } = await import('../src/cli/pre-verb.ts');
      // The call that comes first makes the run for all of them: it must not be of its own VM alone.
      const wanted = context.member ? { vms: [], ownVms: vms } : { vms };
      const request = { configFile, context, ...wanted, onOpenRun: options.onOpenRun, limitMs };
      const earlier = call.goesOn ? await goOn(request, reporter, signal) : undefined;
      if (earlier) return { document: undefined, text: textFor(integration, earlier, call), exitCode: EXIT.ok };
      if (integration.stdout === 'result') return preVerb(request, reporter, signal);
      const run = await runPre(request, reporter, signal);
      const exitCode = run.degraded ? EXIT.degraded : EXIT.ok;
      return { document: undefined, text: textFor(integration, run, call), exitCode };
    }
    case 'post': {
      const { postVerb } = await import('../src/cli/post-verb.ts');
      if (call.outcome !== undefined) reporter.info('the backup ended', { outcome: call.outcome });
      const result = options.outcome ?? resultOf(call.outcome);
      const ending = postVerb({ configFile, context, limitMs, result }, reporter);
      return forProduct(integration, await withoutRun(integration, ending, reporter), reporter);
    }
    case 'check': {
      const { exportDirectoryOf, planVerb } = await import('../src/cli/plan-verb.ts');
      const request = { configFile, job: context.job, vms };
      const result = forProduct(integration, await planVerb(request, reporter, signal), reporter);
      const { previewStdout } = integration;
      return previewStdout ? { ...result, text: previewStdout(exportDirectoryOf(request)) } : result;
    }
    case 'list': {
      const { listVerb } = await import('../src/cli/list-verb.ts');
      return listVerb(configFile, context);
    }
  }
}

/** A backup with warnings may lack something: no log may be dropped for it. */
function resultOf(outcome: BackupOutcome | undefined): BackupResult {
  if (outcome === undefined || outcome === 'unknown') return 'unknown';
  return outcome === 'ok' ? 'success' : 'failure';
}

/** Where nothing to clean up is a success to the product, it is no error that a product would count or show either. */
async function withoutRun(
  { exits }: Integration,
  ending: Promise<VerbResult>,
  reporter: Reporter,
): Promise<VerbResult> {
  try {
    return await ending;
  } catch (error) {
    if (!(error instanceof SnaphookError) || error.code !== 'E_NO_RUN' || exits.nothingToDo !== 0) throw error;
    reporter.info(error.message);
    return { document: undefined, text: '', exitCode: EXIT.ok };
  }
}

const textFor = ({ stdout }: Integration, run: HandedOver, call: ProductCall): string =>
  typeof stdout === 'function' ? stdout(run, call) : '';

function contextOf(integration: Integration, call: ProductCall, options: HookOptions, configFile: string): JobContext {
  const job = options.job ?? (call.job && configuredJob(integration, call.job, configFile));
  if (!job) {
    throw new SnaphookError('E_USAGE', 'no job is named', { hint: 'Give --job NAME or set SNAPHOOK_JOB.' });
  }
  return {
    job,
    integration: integration.name,
    instance: options.instance ?? call.instance,
    productRunId: options.runId ?? call.runId,
    ...(call.attempt !== undefined && { attempt: call.attempt }),
    level: options.level ?? call.level,
    incrementals: call.incrementals ?? integration.incrementals,
    ...(integration.tellsOutcome && { tellsOutcome: true }),
    ...(call.member && { member: { name: call.member.name, of: call.member.of } }),
  };
}

/** The one job whose name the product would write so; the name as it came when there is none. Errors: `E_USAGE` for several. */
function configuredJob({ writtenJobName }: Integration, told: string, configFile: string): string {
  if (!writtenJobName) return told;
  const names = Object.keys(loadConfig(configFile).jobs);
  if (names.includes(told)) return told;
  const [job = told, ...others] = names.filter((name) => writtenJobName(name) === told);
  if (others.length === 0) return job;
  throw new SnaphookError('E_USAGE', `"${told}" may be each of the jobs "${[job, ...others].join('", "')}"`, {
    hint: 'Say which by --job NAME on the command line of the hook.',
  });
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
