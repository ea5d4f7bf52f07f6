import type { VmEvidence } from '../../src/job/grade.ts';
import type { CaptureTruth } from './oracle.ts';

/** One capture of one VM: what happened, and what the product could see of it. */
export interface GradeHistory {
  readonly truth: CaptureTruth;
  readonly seen: VmEvidence;
}
