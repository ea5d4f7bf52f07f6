import { loadConfig } from '../config/load.ts';
import { type CloneResult, cloneVm } from '../job/clone.ts';
import { deleteClone, type ListedClone, listClones } from '../job/clones.ts';
import { collateralOf, warningsOf } from '../job/collateral.ts';
import { SnaphookError } from '../ports/errors.ts';
import type { Reporter } from '../ports/reporter.ts';
import { jobSpec, withPorts } from './compose.ts';
import type { VerbResult } from './console.ts';
import { EXIT } from './exit-codes.ts';
import { capturedVms } from './render/captured-vms.ts';
import { jsonDocument } from './render/json.ts';
import { table } from './render/text.ts';
import { runIdOf } from './run-id.ts';

interface Call {
  readonly configFile: string;
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
}

export interface CloneRequest {
  readonly job: string;
  /** The one VM, or a selector of it. */
  readonly vm: string;
  readonly host: string | undefined;
  /** Run id of the kept snapshot it is made of; undefined: the VM is captured. */
  readonly snapshot: string | undefined;
  readonly name: string | undefined;
  readonly folder: string | undefined;
  readonly datastore: string | undefined;
}

export async function cloneCreateVerb(call: Call, request: CloneRequest): Promise<VerbResult> {
  const config = loadConfig(call.configFile);
  const { job } = request;
  const spec = jobSpec(config, job, { vms: [request.vm] });
  const clones = config.jobs[job]?.clones;
  const host = request.host ?? clones?.host;
  if (!clones || host === undefined) {
    throw new SnaphookError(
      'E_USAGE',
      `job "${job}" does not say ${clones ? 'on which ESXi host' : 'where'} clones are shown`,
      {
        hint: clones
          ? 'Give `--to-host`, or set `clones.host` of the job.'
          : 'Set `clones` of the job: for VMFS with its `presentGroup`, for vVols with `host`.',
      },
    );
  }
  const ofClone = { ...spec, targetPool: clones.targetPool ?? spec.targetPool, presentGroup: clones.presentGroup };
  const wish = {
    host,
    name: request.name,
    folder: request.folder ?? clones.folder,
    ...(request.snapshot !== undefined && { snapshotRun: runIdOf(request.snapshot) }),
    datastore: request.datastore ?? clones.datastore,
  };
  const context = { job, integration: 'command line', instance: undefined, productRunId: undefined, level: undefined };
  const result = await withPorts(config, call.reporter, (ports) => cloneVm(ports, ofClone, wish, context, call.signal));
  return {
    document: documentOf(result, job),
    text: textOf(result),
    exitCode: result.degraded ? EXIT.degraded : EXIT.ok,
  };
}

/** VMs that came with the datastore: their files are on the copy, and they are in no inventory. */
const unregisteredOf = ({ plan, capture }: CloneResult): readonly string[] =>
  collateralOf(plan, capture).flatMap(({ vms }) => vms.map(({ name }) => name));

function documentOf(result: CloneResult, job: string): VerbResult['document'] {
  const { plan, capture, datastore, vm } = result;
  return jsonDocument('clone', {
    ok: true,
    runId: result.runId,
    job,
    degraded: result.degraded,
    vms: capturedVms(plan, capture),
    clone: { name: vm.name, moRef: vm.vm, host: plan.clone?.host.name, datastore, poweredOn: false },
    // What vCenter copied stands on no snapshot.
    ...(plan.clone?.by === 'vcenter'
      ? {}
      : {
          snapshot: {
            array: plan.arrayId,
            name: plan.snapshotName,
            snapId: capture.snapId,
            keptBy: plan.borrowed?.run,
          },
        }),
    devices: plan.devices.map(({ device, target, targetWwn }) => ({ device, target, targetWwn })),
    unregisteredCopies: unregisteredOf(result),
    warnings: warningsOf(plan, capture),
  });
}

function textOf(result: CloneResult): string {
  const { plan, capture, datastore, vm } = result;
  const others = unregisteredOf(result);
  const rows = capturedVms(plan, capture).map(({ name, grade, reasons }) => [name, grade, reasons.join('; ')]);
  return [
    `clone "${vm.name}" is registered on ESXi host ${plan.clone?.host.name}, powered off\n`,
    table([['VM', 'grade', ''], ...rows]),
    plan.clone?.by === 'vcenter'
      ? `its disks are copies on datastore ${datastore}; the VM snapshot they were made of is removed\n`
      : `datastore ${datastore} on ${plan.devices.length} linked device(s) of array ${plan.arrayId}\n`,
    others.length === 0
      ? ''
      : `copies of ${others.join(', ')} lie on the same datastore and are not registered; they were not prepared unless the grades say so\n`,
    `run ${result.runId} stays open as long as the clone is there: \`snaphook clone delete ${result.runId} --apply\` removes it\n`,
  ].join('');
}

export async function cloneListVerb(call: Call): Promise<VerbResult> {
  const clones = await withPorts(loadConfig(call.configFile), call.reporter, (ports) => listClones(ports));
  return {
    document: jsonDocument('clone-list', { ok: true, clones }),
    text: clones.length === 0 ? 'no clones\n' : table([LIST_HEAD, ...clones.map(listRow)]),
    exitCode: EXIT.ok,
  };
}

const LIST_HEAD = ['run', 'clone', 'of', 'host', 'datastore', 'taken', 'state'];

const listRow = (one: ListedClone): readonly string[] => [
  one.runId,
  one.name,
  one.of,
  one.host,
  one.datastore ?? '',
  one.takenAt?.toISOString() ?? '',
  one.state,
];

export async function cloneDeleteVerb(
  call: Call,
  { run, apply }: { readonly run: string; readonly apply: boolean },
): Promise<VerbResult> {
  const runId = runIdOf(run);
  const clone = await withPorts(loadConfig(call.configFile), call.reporter, (ports) =>
    deleteClone(ports, runId, { apply }, call.signal),
  );
  const what = `clone "${clone.name}" of "${clone.of}" on ESXi host ${clone.host}`;
  const kept = clone.isOfKept ? '; its snapshot is kept' : '';
  return {
    document: jsonDocument('clone-delete', { ok: true, applied: apply, clone }),
    text: apply
      ? `${what} is gone, with everything it stood on${kept}\n`
      : `${what} would be removed with everything it stands on${kept}. Nothing was changed; \`--apply\` does it.\n`,
    exitCode: EXIT.ok,
  };
}
