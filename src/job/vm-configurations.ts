import { SnaphookError } from '../ports/errors.ts';
import type { VmConfiguration, VmRecord } from '../ports/hypervisor.ts';
import type { InstanceUuid } from '../ports/identity.ts';
import { withinLimit } from './deadline.ts';
import type { Run } from './step.ts';
import { readsConfiguration } from './vm-files.ts';

/** A vCenter that does not answer must not keep the backup waiting for files that it can do without. */
const READ_MS = 30_000;
/** On top of that for each VM: two files, of which four are read at once, half a second each. */
const READ_OF_VM_MS = 250;
/** With `note`, of the time until the run has to end: freezing, handing over and undoing need the rest. */
const NOTE_SHARE = 0.25;

/**
 * Reads the files that the job wants beside its images. Before the freeze: on the route `managed` the configuration names the VM
 * snapshot's own files afterwards, and nothing is read from vCenter once the capture is over. With `require` what cannot be read ends
 * the run; with `note` it is told.
 */
export async function readConfigurations(run: Run, signal: AbortSignal): Promise<void> {
  const { plan, ports } = run;
  if (!readsConfiguration(plan)) return;
  const found = await readAll(run, signal);
  const byVm = new Map<InstanceUuid, VmConfiguration>();
  const warnings: string[] = [];
  for (const [index, { name, instanceUuid }] of plan.vms.entries()) {
    const configuration = found[index];
    if (configuration !== undefined && !(configuration instanceof SnaphookError)) {
      byVm.set(instanceUuid, configuration);
      continue;
    }
    if (plan.spec.configurationFiles === 'require') throw missing(name, configuration);
    warnings.push(missing(name, configuration).message);
  }
  for (const warning of warnings) ports.reporter.warn(warning);
  run.configurations = { byVm, warnings };
}

async function readAll(
  run: Run,
  signal: AbortSignal,
): Promise<readonly (VmConfiguration | SnaphookError | undefined)[]> {
  const { plan, ports } = run;
  const durationMs = readMs(run);
  const limit = {
    durationMs,
    code: 'E_VCENTER_UNREACHABLE',
    message: `vCenter did not give the configuration files within ${durationMs} ms`,
  } as const;
  const vms = plan.vms.map(({ moRef }) => moRef);
  try {
    return await withinLimit(ports.clock, limit, signal, (limited) =>
      ports.hypervisor.readConfigurations(vms, limited),
    );
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof SnaphookError)) throw error;
    return vms.map(() => error);
  }
}

/** For all VMs together. With `require` the deadline of the run, which says what to raise, is what bounds it. */
function readMs({ plan, ports, endsAtMs }: Run): number {
  const allMs = READ_MS + plan.vms.length * READ_OF_VM_MS;
  if (plan.spec.configurationFiles === 'require' || endsAtMs === undefined) return allMs;
  return Math.round(Math.min(allMs, NOTE_SHARE * (endsAtMs - ports.clock.monotonicMs())));
}

/** What was changed between reading and capturing is told: such a file may be of other hardware than the images. */
export function noteChangedConfigurations({ plan, ports, configurations }: Run, look: readonly VmRecord[]): void {
  if (!configurations) return;
  for (const { instanceUuid, changeVersion } of look) {
    const read = configurations.byVm.get(instanceUuid);
    if (!read || changeVersion === undefined || changeVersion === read.changeVersion) continue;
    const name = plan.vms.find((vm) => vm.instanceUuid === instanceUuid)?.name ?? instanceUuid;
    const warning = `the configuration of VM "${name}" was changed after its files were read: they are those from before`;
    if (configurations.warnings.includes(warning)) continue;
    configurations.warnings.push(warning);
    ports.reporter.warn(warning);
  }
}

const missing = (vm: string, error: SnaphookError | undefined): SnaphookError =>
  new SnaphookError(
    error?.code ?? 'E_VCENTER',
    `the configuration files of VM "${vm}" cannot be read: ${error?.message ?? 'vCenter tells nothing of them'}`,
    {
      cause: error,
      hint: error?.hint ?? 'Set `configurationFiles: note` to hand over the images without them.',
      retry: error?.retry ?? 'never',
      effect: 'none',
    },
  );
