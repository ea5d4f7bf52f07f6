import type { ImageFile } from '../ports/images.ts';
import type { CaptureResult } from './results.ts';
import type { Run } from './step.ts';

/** What a run hands over beside the images: what was captured, how, when, where, with what grade and hashes. */
export function manifestOf(run: Run, capture: CaptureResult, files: readonly ImageFile[]): string {
  const { plan, ports } = run;
  const manifest = {
    schema: 'snaphook/manifest',
    version: 1,
    tool: ports.toolVersion,
    createdAt: ports.clock.now().toISOString(),
    run: { id: plan.runId, ...plan.context },
    snapshot: {
      array: plan.arrayId,
      model: plan.array.model,
      name: plan.snapshotName,
      snapId: capture.snapId,
      timeToLiveHours: plan.spec.timeToLiveHours,
    },
    window: {
      lengthMs: capture.lengthMs,
      arrayMs: capture.arrayMs,
      freezeMs: capture.freezeMs,
      thawMs: capture.thawMs,
    },
    route: 'snapvx',
    vms: plan.vms.map((vm) => {
      const captured = capture.vms.find((entry) => entry.vm === vm.instanceUuid);
      return {
        name: vm.name,
        instanceUuid: vm.instanceUuid,
        moRef: vm.moRef,
        grade: captured?.grade ?? 'unknown',
        reasons: captured?.reasons ?? [],
        evidence: captured?.evidence,
        disks: vm.disks.map((disk) => ({
          key: disk.key,
          label: disk.label,
          storage: disk.storage,
          capacityBytes: disk.capacityBytes,
          devices: disk.devices,
          images: plan.devices.filter(({ device }) => disk.devices.includes(device)).map(({ imagePath }) => imagePath),
        })),
      };
    }),
    collateral: plan.collateral,
    warnings: plan.warnings,
    images: files.map((file) => {
      const device = plan.devices.find(({ imagePath }) => imagePath === file.path);
      return {
        ...file,
        format: 'raw',
        holds: device?.holds,
        device: device?.device,
        wwn: device?.wwn,
        target: device?.target,
      };
    }),
  };
  return `${JSON.stringify(manifest, undefined, 2)}\n`;
}
