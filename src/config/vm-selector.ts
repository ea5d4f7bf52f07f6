import { SnaphookError } from '../ports/errors.ts';
import type { VmSelector } from '../ports/hypervisor.ts';
import { instanceUuid, moRef } from '../ports/identity.ts';

/** A VM as users name it: a name, `uuid:…`, `moref:…` or `path:…`. Errors: `E_USAGE`. */
export function parseVmSelector(text: string): VmSelector {
  const [, scheme, rest] = /^(uuid|moref|path):(.+)$/s.exec(text) ?? [];
  try {
    switch (scheme) {
      case 'uuid':
        return { by: 'instanceUuid', uuid: instanceUuid(rest ?? '') };
      case 'moref':
        return { by: 'moRef', moRef: moRef(rest ?? '') };
      case 'path':
        return { by: 'path', inventoryPath: rest ?? '' };
      default:
        return { by: 'name', name: text };
    }
  } catch {
    throw new SnaphookError('E_USAGE', `"${text}" does not name a VM`, {
      hint: 'Give a VM name, uuid:<instance UUID>, moref:vm-123 or path:<Datacenter/vm/folder/name>.',
    });
  }
}
