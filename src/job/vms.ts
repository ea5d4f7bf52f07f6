import { SnaphookError } from '../ports/errors.ts';
import type { Hypervisor, VmRecord, VmSelector } from '../ports/hypervisor.ts';

/** The words of a selector, as a user wrote it. */
function selectorText(selector: VmSelector): string {
  switch (selector.by) {
    case 'name':
      return selector.name;
    case 'instanceUuid':
      return `uuid:${selector.uuid}`;
    case 'moRef':
      return `moref:${selector.moRef}`;
    case 'path':
      return `path:${selector.inventoryPath}`;
  }
}

/** Where VMware Tools say that the guest is. */
export const guestAddressOf = (vm: VmRecord): string | undefined => vm.guestAddress ?? vm.guestHostName;

/** Exactly one VM a selector; a VM named twice is taken once. Nothing is guessed. */
export async function resolveVms(
  hypervisor: Hypervisor,
  selectors: readonly VmSelector[],
  signal: AbortSignal,
): Promise<readonly VmRecord[]> {
  if (selectors.length === 0) {
    throw new SnaphookError('E_USAGE', 'the job selects no VM', {
      hint: 'Name VMs in the job, or pass them with --vm.',
    });
  }
  const matches = await hypervisor.findVms(selectors, signal);
  const chosen = new Map<string, VmRecord>();
  selectors.forEach((selector, index) => {
    const found = matches[index] ?? [];
    const [vm, ...others] = found;
    if (!vm) {
      throw new SnaphookError('E_VM_NOT_FOUND', `no VM matches "${selectorText(selector)}"`, {
        hint: 'Names are compared exactly, upper and lower case too. A VM that is renamed often is best named by `uuid:`.',
      });
    }
    if (others.length > 0) {
      const list = found.map((match) => `uuid:${match.instanceUuid} (${match.moRef})`).join(', ');
      throw new SnaphookError('E_VM_AMBIGUOUS', `${found.length} VMs are named "${selectorText(selector)}"`, {
        hint: `Name the one you mean by its instance UUID: ${list}.`,
      });
    }
    chosen.set(vm.instanceUuid, vm);
  });
  return [...chosen.values()];
}
