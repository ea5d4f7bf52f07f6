import { loadConfig } from '../config/load.ts';
import type { JobContext } from '../job/job-spec.ts';
import type { BackupResult } from '../job/journal-records.ts';
import { type EndedRun, post } from '../job/post.ts';
import type { Reporter } from '../ports/reporter.ts';
import { closePorts, composePorts, jobSpec } from './compose.ts';
import type { VerbResult } from './console.ts';
import { EXIT } from './exit-codes.ts';
import { jsonDocument } from './render/json.ts';

interface PostRequest {
  readonly configFile: string;
  readonly context: JobContext;
  /** How long the backup product waits; undefined: as long as the job's own deadline says. */
  readonly limitMs?: number | undefined;
  /** How the backup ended; absent: unknown. */
  readonly result?: BackupResult | undefined;
}

/** What both `snaphook post` and the post-backup hook do. */
export async function postVerb(
  { configFile, context, limitMs, result }: PostRequest,
  reporter: Reporter,
): Promise<VerbResult> {
  const config = loadConfig(configFile);
  const spec = jobSpec(config, context.job, { limitMs });
  const ports = composePorts(config, reporter);
  try {
    const { stoppedPre, runs, leftToOthers } = await post(ports, spec, context, result);
    const lines = runs.map((run) => `run ${run.runId} ${whatBecameOf(run)}\n`);
    for (const { runId, readers } of leftToOthers) lines.push(`run ${runId} stays: ${whoReads(readers)}\n`);
    if (stoppedPre) lines.unshift('the pre hook was still at work and was stopped\n');
    return {
      document: jsonDocument('post', { ok: true, job: context.job, stoppedPre, runs, leftToOthers }),
      text: lines.join(''),
      exitCode: EXIT.ok,
    };
  } finally {
    await closePorts(ports);
  }
}

const whoReads = (readers: readonly string[]): string =>
  readers.length > 0
    ? `calls ${readers.join(', ')} of the same backup read it`
    : 'further calls of the same backup are to come';

function whatBecameOf({ handedOver, cancelled }: EndedRun): string {
  if (handedOver) return 'released';
  return cancelled ? 'cancelled; everything of it was undone' : 'had crashed and was cleaned up';
}
