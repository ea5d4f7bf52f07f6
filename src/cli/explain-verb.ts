import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { parseVmSelector } from '../config/vm-selector.ts';
import { explainVm } from '../job/explain.ts';
import type { TargetPool } from '../job/explain-device.ts';
import type { Reporter } from '../ports/reporter.ts';
import { closePorts, composePorts } from './compose.ts';
import type { VerbResult } from './console.ts';
import { EXIT } from './exit-codes.ts';
import { explanationText } from './render/explanation.ts';
import { jsonDocument } from './render/json.ts';

/** Shows the way from a VM to its devices and on to the proxy, whether a job names the VM or not. Reads only. */
export async function explainVerb(
  request: { readonly configFile: string; readonly vm: string },
  reporter: Reporter,
  signal: AbortSignal,
): Promise<VerbResult> {
  const config = loadConfig(request.configFile);
  const ports = composePorts(config, reporter);
  try {
    const vm = parseVmSelector(request.vm);
    const explanation = await explainVm(ports, { vm, targetPools: poolsOf(config) }, signal);
    const ok = explanation.problems.length === 0 && explanation.disks.every(({ state }) => state === 'ready');
    return {
      document: jsonDocument('explanation', { ok, ...explanation }),
      text: explanationText(explanation),
      exitCode: ok ? EXIT.ok : EXIT.preflight,
    };
  } finally {
    await closePorts(ports);
  }
}

function poolsOf({ jobs }: Config): readonly TargetPool[] {
  const named = Object.entries(jobs);
  return [...new Set(named.map(([, { targetPool }]) => targetPool))].map((targetPool) => {
    const users = named.filter(([, job]) => job.targetPool === targetPool);
    const creators = users.filter(([, { createTargets }]) => createTargets !== undefined);
    return { targetPool, jobs: users.map(([name]) => name), creators: creators.map(([name]) => name) };
  });
}
