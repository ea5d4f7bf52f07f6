import { loadConfig } from '../config/load.ts';
import { post } from '../job/post.ts';
import type { Reporter } from '../ports/reporter.ts';
import { closePorts, composePorts, jobSpec } from './compose.ts';
import type { VerbResult } from './console.ts';
import { EXIT } from './exit-codes.ts';
import { jsonDocument } from './render/json.ts';

/** What both `snaphook post` and the post-backup hook do. */
export async function postVerb(request: { configFile: string; job: string }, reporter: Reporter): Promise<VerbResult> {
  const config = loadConfig(request.configFile);
  const spec = jobSpec(config, request.job);
  const ports = composePorts(config, reporter);
  try {
    const { runs } = await post(ports, spec);
    const lines = runs.map(
      ({ runId, handedOver }) => `run ${runId} ${handedOver ? 'released' : 'had crashed and was cleaned up'}\n`,
    );
    return {
      document: jsonDocument('post', { ok: true, job: request.job, runs }),
      text: lines.join(''),
      exitCode: EXIT.ok,
    };
  } finally {
    await closePorts(ports);
  }
}
