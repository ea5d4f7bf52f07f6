import { loadConfig } from '../config/load.ts';
import { parseVmSelector } from '../config/vm-selector.ts';
import type { JobSpec } from '../job/job-spec.ts';
import { type ListedVm, listVms } from '../job/vm-list.ts';
import type { Reporter } from '../ports/reporter.ts';
import { jobSpec, withPorts } from './compose.ts';
import type { VerbResult } from './console.ts';
import { EXIT } from './exit-codes.ts';
import { jsonDocument } from './render/json.ts';
import { bytesText, table } from './render/text.ts';

export interface VmListRequest {
  readonly configFile: string;
  readonly job: string | undefined;
  /** Empty: the job's, or every VM. */
  readonly selectors: readonly string[];
  readonly exclude: readonly string[];
}

/** The VMs of a job, of selectors, or of the whole vCenter. Reads only, and asks no array and no guest. */
export async function vmListVerb(
  { configFile, job, selectors, exclude }: VmListRequest,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<VerbResult> {
  const config = loadConfig(configFile);
  const chosen = job === undefined ? ofSelectors(selectors) : jobSpec(config, job, { vms: selectors });
  const selection = { ...chosen, exclude: [...chosen.exclude, ...exclude.map(parseVmSelector)] };
  const { vms, warnings } = await withPorts(config, reporter, (ports) => listVms(ports, selection, signal));
  return {
    document: jsonDocument('vm-list', { ok: true, vms, warnings }),
    text: table([HEAD, ...vms.map(row)]) + warnings.map((warning) => `warning: ${warning}\n`).join(''),
    exitCode: EXIT.ok,
  };
}

function ofSelectors(selectors: readonly string[]): Pick<JobSpec, 'vms' | 'exclude' | 'onNoMatch' | 'hostCaches'> {
  const vms = (selectors.length > 0 ? selectors : ['like:*']).map(parseVmSelector);
  return { vms, exclude: [], onNoMatch: 'fail', hostCaches: 'refuse' };
}

const HEAD = ['VM', 'id', 'power', 'freeze', 'disks', 'size', 'storage', 'routes', 'refused'];

function row({ name, moRef, power, freeze, disks, routes, refusals }: ListedVm): readonly string[] {
  const storage = new Set(disks.map((disk) => [disk.storage, disk.datastore ?? ''].join(' ').trim()));
  return [
    name,
    moRef,
    power,
    freeze ?? 'none',
    String(disks.length),
    bytesText(disks.reduce((sum, { capacityBytes }) => sum + capacityBytes, 0)),
    [...storage].join(', '),
    routes.join(', ') || 'none',
    refusals.map(({ message }) => message).join('; '),
  ];
}
