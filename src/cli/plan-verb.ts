import { loadConfig } from '../config/load.ts';
import type { JobSpec } from '../job/job-spec.ts';
import { folderOf } from '../job/mounted-devices.ts';
import { newRunId } from '../job/names.ts';
import { imageFormatOf, type PlanPreview } from '../job/plan.ts';
import { previewPlan } from '../job/planner.ts';
import { sharedWindowOf } from '../job/shared-window.ts';
import type { Reporter } from '../ports/reporter.ts';
import { closePorts, composePorts, jobSpec } from './compose.ts';
import type { VerbResult } from './console.ts';
import { EXIT } from './exit-codes.ts';
import { collateralText } from './render/collateral.ts';
import { jsonDocument } from './render/json.ts';
import { speedText } from './render/speed.ts';
import { bytesText, table } from './render/text.ts';

/** Where a run of the job would hand over. */
export function exportDirectoryOf({ configFile, job }: { configFile: string; job: string }): string {
  return jobSpec(loadConfig(configFile), job).exportDirectory;
}

/** Computes a plan as `pre` would and shows it; nothing is journaled, reserved or changed. */
export async function planVerb(
  request: { configFile: string; job: string; vms: readonly string[] },
  reporter: Reporter,
  signal: AbortSignal,
): Promise<VerbResult> {
  const config = loadConfig(request.configFile);
  const spec = jobSpec(config, request.job, { vms: request.vms });
  const ports = composePorts(config, reporter);
  try {
    const context = {
      job: request.job,
      integration: 'plan',
      instance: undefined,
      productRunId: undefined,
      level: undefined,
    };
    const runId = newRunId(ports.clock.now(), ports.randomText());
    const plan = await previewPlan(ports, { runId, spec, context }, signal);
    return { document: documentOf(plan), text: textOf(plan), exitCode: EXIT.ok };
  } finally {
    await closePorts(ports);
  }
}

function documentOf({ runId: _, context: __, spec, ...plan }: PlanPreview): VerbResult['document'] {
  return jsonDocument('plan', {
    ok: true,
    job: spec.name,
    grade: spec.grade,
    exportDirectory: spec.exportDirectory,
    handOver: handOverOf(spec),
    ...(handOverOf(spec) === 'images' && { imageFormat: imageFormatOf(spec) }),
    ...plan,
  });
}

function patienceText({ vms, spec, managed }: PlanPreview): readonly string[] {
  // Of VM snapshots each guest has a window of its own.
  const window = managed ? undefined : sharedWindowOf(vms, spec);
  if (!window) return [];
  const { patienceMs, first } = window;
  return [
    `the array is waited for ${patienceMs / 1000} s: the guest of ${first.name} lets go first, after ${first.leaseMs / 1000} s\n`,
  ];
}

const handOverOf = ({ files, expose }: JobSpec) => (files ? 'files' : (expose ?? 'images'));

function handOverText({ spec, devices, managed }: PlanPreview): string {
  const images = managed ? managed.disks : devices;
  if (spec.files) return `file systems of ${images.length} disk(s) are mounted below ${spec.exportDirectory}\n`;
  const bytes = bytesText(images.reduce((sum, { imageBytes }) => sum + imageBytes, 0));
  return spec.expose
    ? `${images.length} disk(s) of ${bytes} are shown by ${spec.expose} in ${spec.exportDirectory}, without a copy\n`
    : `${imageFormatOf(spec)} images of up to ${bytes} go to ${spec.exportDirectory}\n`;
}

function textOf(plan: PlanPreview): string {
  const { managed, route } = plan;
  const added = (managed?.disks ?? []).map((disk) => [
    plan.vms.find(({ instanceUuid }) => instanceUuid === disk.vm)?.name ?? '',
    disk.label,
    'vvol',
    bytesText(disk.imageBytes),
    disk.diskUuid,
    managed?.proxyVm.name ?? '',
    disk.imagePath,
  ]);
  const linked = plan.vms.flatMap((vm) =>
    vm.disks.flatMap((disk) =>
      plan.devices
        .filter(({ device }) => disk.devices.includes(device))
        .map((device) => [
          vm.name,
          disk.label,
          disk.storage,
          bytesText(disk.capacityBytes),
          device.device,
          device.target ?? 'to be made',
          plan.spec.files ? folderOf(device) : device.imagePath,
        ]),
    ),
  );
  const frozen = plan.vms.filter(({ freeze }) => freeze !== 'none').map(({ name }) => name);
  return [
    managed
      ? table([['VM', 'disk', 'storage', 'size', 'serial', 'proxy VM', 'image'], ...added])
      : table([['VM', 'disk', 'storage', 'size', 'device', 'target', plan.spec.files ? 'folder' : 'image'], ...linked]),
    `route ${route.name}: ${route.because}\n`,
    managed
      ? `vCenter takes one snapshot of each of ${plan.vms.length} VM(s); nothing removes them by itself\n`
      : `array ${plan.arrayId} (${plan.array.model}, ${plan.array.generation}): one snapshot of ${plan.devices.length} device(s), removed by itself after ${plan.spec.timeToLiveHours} h\n`,
    frozen.length === 0
      ? 'no guest is frozen: the grade is "crash" at best\n'
      : `guests frozen: ${frozen.join(', ')}\n`,
    ...plan.vms.flatMap(({ name, freeze, hold, freezeBecause }) =>
      freezeBecause === undefined ? [] : [`${name}: ${freeze}${hold ? `, hold ${hold}` : ''}: ${freezeBecause}\n`],
    ),
    ...plan.vms.flatMap(({ name, backupType }) =>
      backupType === 'full'
        ? [`${name}: full backup: its applications drop logs when the post hook hears of success, and never before\n`]
        : [],
    ),
    ...(plan.forecast ? [`${managed ? 'a snapshot of a VM' : 'the array'} ${speedText(plan.forecast)}\n`] : []),
    ...patienceText(plan),
    ...plan.targetsToCreate.map(
      ({ count, cylinders }) =>
        `a run would create ${count} target(s) of ${cylinders} cylinders in pool ${plan.spec.targetPool}, which keeps them\n`,
    ),
    handOverText(plan),
    ...plan.vms
      .filter(({ name, selectedBy }) => selectedBy.some((selector) => selector !== name))
      .map(({ name, selectedBy }) => `VM ${name} selected by ${selectedBy.join(', ')}\n`),
    ...plan.collateral.map(collateralText),
    ...plan.warnings.map((warning) => `warning: ${warning}\n`),
    ...plan.vms.flatMap(({ notes }) =>
      notes.filter(({ severity }) => severity === 'info').map(({ text }) => `note: ${text}\n`),
    ),
  ].join('');
}
