import { SnaphookError } from '../ports/errors.ts';
import type { GuestVm } from '../ports/guest.ts';
import { type Hypervisor, OF_MANY, type UnreadableVm, type VmRecord, type VmSelector } from '../ports/hypervisor.ts';
import type { InstanceUuid } from '../ports/identity.ts';
import type { JobSpec } from './job-spec.ts';

/** The VMs of a job, each once, and which selectors led to it. */
export interface SelectedVms {
  readonly vms: readonly VmRecord[];
  readonly selectedBy: ReadonlyMap<InstanceUuid, readonly string[]>;
  /** Those that a selector of one VM led to. */
  readonly meant: ReadonlySet<InstanceUuid>;
  /** Names of those that could not be read or are not connected: none of them is in a backup. */
  readonly leftOut: readonly string[];
  readonly warnings: readonly string[];
}

/** The words of a selector, as a user wrote it. */
function selectorText(selector: VmSelector): string {
  switch (selector.by) {
    case 'name':
      return selector.name;
    case 'instanceUuid':
      return `uuid:${selector.uuid}`;
    case 'biosUuid':
      return `bios:${selector.uuid}`;
    case 'moRef':
      return `moref:${selector.moRef}`;
    case 'path':
      return `path:${selector.inventoryPath}`;
    case 'folder':
      return `folder:${selector.inventoryPath}`;
    case 'datastore':
      return `datastore:${selector.datastore}`;
    case 'tag':
      return `tag:${selector.category}/${selector.tag}`;
    case 'pattern':
      return `like:${selector.pattern}`;
  }
}

/** Where VMware Tools say that the guest is. */
export const guestAddressOf = (vm: VmRecord): string | undefined => vm.guestAddress ?? vm.guestHostName;

export const guestOf = (vm: VmRecord): GuestVm => ({ name: vm.name, address: guestAddressOf(vm), moRef: vm.moRef });

/**
 * The VMs that the job's selectors lead to, without those that `exclude` names. A selector of one VM that matches several is an
 * error, one that matches none is one too unless the job says otherwise. Nothing is guessed. A VM that cannot be read is left out
 * with a warning where only selectors of many lead to it.
 */
export async function selectVms(
  hypervisor: Hypervisor,
  { vms: selectors, exclude, onNoMatch }: Pick<JobSpec, 'vms' | 'exclude' | 'onNoMatch'>,
  signal: AbortSignal,
): Promise<SelectedVms> {
  if (selectors.length === 0) {
    throw new SnaphookError('E_USAGE', 'the job selects no VM', {
      hint: 'Name VMs in the job, or pass them with --vm.',
    });
  }
  const unreadable: UnreadableVm[] = [];
  const matches = await hypervisor.findVms(selectors, signal, exclude, (vm) => void unreadable.push(vm));
  const chosen = new Map<InstanceUuid, VmRecord>();
  const selectedBy = new Map<InstanceUuid, string[]>();
  const meant = new Set<InstanceUuid>();
  const warnings = unreadable.map(
    ({ name, error }) => `VM "${name}" is left out, as it cannot be read: ${error.message}`,
  );
  selectors.forEach((selector, index) => {
    const found = matches[index] ?? [];
    const text = selectorText(selector);
    const isOfMany = OF_MANY.includes(selector.by);
    if (found.length > 1 && !isOfMany) throw ambiguous(text, found);
    if (found.length === 0 && onNoMatch === 'fail') {
      throw (
        unreadable.find((vm) => vm.selectors.includes(index))?.error ??
        noMatch(text, exclude.length > 0, MAY_BE_SKIPPED)
      );
    }
    if (found.length === 0) warnings.push(`no VM matches "${text}"`);
    for (const vm of found) {
      chosen.set(vm.instanceUuid, vm);
      if (!isOfMany) meant.add(vm.instanceUuid);
      selectedBy.set(vm.instanceUuid, [...(selectedBy.get(vm.instanceUuid) ?? []), text]);
    }
  });
  if (chosen.size === 0) throw noMatch(selectors.map(selectorText).join('", "'), exclude.length > 0);
  return { vms: [...chosen.values()], selectedBy, meant, leftOut: unreadable.map(({ name }) => name), warnings };
}

/**
 * Without the VMs whose host is not connected to vCenter, or whose configuration it cannot read: they cannot be captured, and where only
 * selectors of many lead to one, it is left out with a warning. When no other is left, all stay, to be refused.
 */
export function connectedVms(selected: SelectedVms): SelectedVms {
  const { vms, meant, warnings } = selected;
  const isTaken = (vm: VmRecord) => vm.connected || meant.has(vm.instanceUuid);
  if (!vms.some(isTaken)) return selected;
  const left = vms.filter((vm) => !isTaken(vm));
  const told = left.map(({ name }) => `VM "${name}" is left out: its host is not connected to vCenter`);
  return {
    ...selected,
    vms: vms.filter(isTaken),
    leftOut: [...selected.leftOut, ...left.map(({ name }) => name)],
    warnings: [...warnings, ...told],
  };
}

/** The one VM that a selector leads to. Errors: `E_VM_NOT_FOUND`, `E_VM_AMBIGUOUS`. */
export async function findVm(hypervisor: Hypervisor, selector: VmSelector, signal: AbortSignal): Promise<VmRecord> {
  const { vms } = await selectVms(hypervisor, { vms: [selector], exclude: [], onNoMatch: 'skip' }, signal);
  const [vm, ...others] = vms;
  if (!vm || others.length > 0) throw ambiguous(selectorText(selector), vms);
  return vm;
}

const MAY_BE_SKIPPED = ' Where a selector may lead to no VM, set `onNoMatch: skip` for the job.';

function noMatch(text: string, hasExclusions: boolean, more = ''): SnaphookError {
  const but = hasExclusions ? ' that is not excluded' : '';
  return new SnaphookError('E_VM_NOT_FOUND', `no VM${but} matches "${text}"`, {
    hint: `Names are compared exactly, upper and lower case too. A VM that is renamed often is best named by \`uuid:\`.${more}`,
  });
}

function ambiguous(text: string, found: readonly VmRecord[]): SnaphookError {
  const list = found.map((match) => `uuid:${match.instanceUuid} (${match.moRef})`).join(', ');
  return new SnaphookError('E_VM_AMBIGUOUS', `${found.length} VMs match "${text}"`, {
    hint: `Name the one you mean by its instance UUID: ${list}.`,
  });
}
