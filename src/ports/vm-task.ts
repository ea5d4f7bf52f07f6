/** Something vCenter did or does with a VM. */
export interface VmTask {
  readonly id: string;
  /** Such as `VirtualMachine.relocate`. */
  readonly kind: string;
  /** Queued or running. */
  readonly atWork: boolean;
}
