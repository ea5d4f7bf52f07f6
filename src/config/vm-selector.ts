import { SnaphookError } from '../ports/errors.ts';
import type { VmSelector } from '../ports/hypervisor.ts';
import { instanceUuid, moRef } from '../ports/identity.ts';

const SCHEMES: Readonly<Record<string, (text: string) => VmSelector | undefined>> = {
  uuid: (text) => ({ by: 'instanceUuid', uuid: instanceUuid(text) }),
  bios: (text) => ({ by: 'biosUuid', uuid: instanceUuid(text) }), // of the same form
  moref: (text) => ({ by: 'moRef', moRef: moRef(text) }),
  path: (text) => ({ by: 'path', inventoryPath: text }),
  folder: (text) => ({ by: 'folder', inventoryPath: text }),
  datastore: (text) => ({ by: 'datastore', datastore: text }),
  tag: (text) => {
    const slash = text.indexOf('/');
    const [category, tag] = [text.slice(0, slash), text.slice(slash + 1)];
    return slash > 0 && tag !== '' ? { by: 'tag', category, tag } : undefined;
  },
  like: (text) => ({ by: 'pattern', pattern: text }),
};

/** VMs as users name them: a name, or `scheme:` and what it needs. Errors: `E_USAGE`. */
export function parseVmSelector(text: string): VmSelector {
  const [, scheme = '', rest = ''] = /^([a-z]+):(.+)$/s.exec(text) ?? [];
  const parse = Object.hasOwn(SCHEMES, scheme) ? SCHEMES[scheme] : undefined;
  if (!parse) return { by: 'name', name: text };
  try {
    const selector = parse(rest);
    if (selector) return selector;
  } catch {
    // What is wrong with it, the hint tells.
  }
  throw new SnaphookError('E_USAGE', `"${text}" does not name a VM`, {
    hint: 'Give a VM name, uuid:<instance UUID>, bios:<BIOS UUID>, moref:vm-123, path:<Datacenter/vm/folder/name>, folder:<Datacenter/vm/folder>, datastore:<name>, tag:<Category>/<Tag> or like:<pattern>.',
  });
}
