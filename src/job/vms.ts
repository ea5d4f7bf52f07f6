import { SnaphookError } from '../ports/errors.ts';
import type { Hypervisor, VmRecord, VmSelector } from '../ports/hypervisor.ts';
import type { InstanceUuid } from '../ports/identity.ts';
import type { JobSpec } from './job-spec.ts';

/** The VMs of a job, each once, and which selectors led to it. */
export interface SelectedVms {
  readonly vms: readonly VmRecord[];
  readonly selectedBy: ReadonlyMap<InstanceUuid, readonly string[]>;
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

const MANY: readonly VmSelector['by'][] = ['folder', 'datastore', 'tag', 'pattern'];

/**
 * The VMs that the job's selectors lead to, without those that `exclude` names. A selector of one VM that matches several is an
 * error, one that matches none is one too unless the job says otherwise. Nothing is guessed.
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
  const matches = await hypervisor.findVms(selectors, signal, exclude);
  const chosen = new Map<InstanceUuid, VmRecord>();
  const selectedBy = new Map<InstanceUuid, string[]>();
  const warnings: string[] = [];
  selectors.forEach((selector, index) => {
    const found = matches[index] ?? [];
    const text = selectorText(selector);
    if (found.length > 1 && !MANY.includes(selector.by)) throw ambiguous(text, found);
    if (found.length === 0 && onNoMatch === 'fail') throw noMatch(text, exclude.length > 0, MAY_BE_SKIPPED);
    if (found.length === 0) warnings.push(`no VM matches "${text}"`);
    for (const vm of found) {
      chosen.set(vm.instanceUuid, vm);
      selectedBy.set(vm.instanceUuid, [...(selectedBy.get(vm.instanceUuid) ?? []), text]);
    }
  });
  if (chosen.size === 0) throw noMatch(selectors.map(selectorText).join('", "'), exclude.length > 0);
  return { vms: [...chosen.values()], selectedBy, warnings };
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
