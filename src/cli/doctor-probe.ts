import type { Config } from '../config/schema.ts';
import { parseVmSelector } from '../config/vm-selector.ts';
import { DEFAULT_LIMITS, type JobSpec } from '../job/job-spec.ts';
import type { JobPorts } from '../job/ports.ts';
import { probeVvol } from '../job/probe.ts';
import type { VvolAnswer } from '../ports/vvol-answers.ts';

/** Asks the array of that VM once; needs no freeze, no target and no place for images. */
export async function askArray(config: Config, vm: string, ports: JobPorts, signal: AbortSignal): Promise<string> {
  const name = 'doctor-probe';
  const context = { job: name, integration: 'doctor', instance: undefined, productRunId: undefined, level: undefined };
  const spec: JobSpec = {
    name,
    vms: [parseVmSelector(vm)],
    exclude: [],
    onNoMatch: 'fail',
    freeze: 'none',
    route: 'snapvx',
    grade: 'crash',
    onLowerGrade: 'fail',
    collateral: 'warn',
    hostCaches: 'warn',
    onOpenRun: 'fail',
    targetPool: Object.values(config.jobs)[0]?.targetPool ?? name,
    presentGroup: undefined,
    proxyHost: config.proxy.host,
    proxyVm: undefined,
    timeToLiveHours: 1,
    exportDirectory: '',
    limits: DEFAULT_LIMITS,
  };
  return vvolText(await probeVvol(ports, spec, context, signal));
}

export function vvolText(answer: VvolAnswer | undefined): string {
  if (!answer) return 'vVols: never asked (`snaphook doctor --probe VM`)';
  const { takesSnapVx, askedAt, words } = answer;
  return takesSnapVx
    ? `vVols: took a SnapVX snapshot at ${askedAt}`
    : `vVols: refused a SnapVX snapshot at ${askedAt}, so that jobs with \`route: auto\` take the route managed: ${words ?? ''}`;
}
