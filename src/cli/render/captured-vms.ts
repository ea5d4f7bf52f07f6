import { frozenBy } from '../../job/freeze-strategy.ts';
import type { Plan } from '../../job/plan.ts';
import type { CaptureResult } from '../../job/results.ts';

/** The VMs of a run with the grade each reached, and why. */
export function capturedVms({ vms }: Plan, capture: CaptureResult) {
  return vms.map((vm) => {
    const captured = capture.vms.find((entry) => entry.vm === vm.instanceUuid);
    return {
      name: vm.name,
      instanceUuid: vm.instanceUuid,
      frozenBy: frozenBy(vm),
      grade: captured?.grade ?? 'unknown',
      reasons: captured?.reasons ?? [],
      evidence: captured?.evidence,
    };
  });
}

export const windowOf = ({ lengthMs, arrayMs, freezeMs, thawMs }: CaptureResult) => ({
  lengthMs,
  arrayMs,
  freezeMs,
  thawMs,
});
