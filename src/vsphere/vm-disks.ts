import { SnaphookError } from '../ports/errors.ts';
import type { VmDisks } from '../ports/vm-import.ts';
import { child, integer, ref, text, type VimRef } from './decode.ts';
import { addDisks, type DiskPlace, type SoapObject } from './encode.ts';
import { errorOfUnreadableAnswer } from './faults.ts';
import { diskFilesOf, filesUsedBy, VM_FILES } from './file-holders.ts';
import { devicesOf, freePlaces } from './hot-add.ts';
import { displayName } from './managed-entity.ts';
import { type ObjectProperties, requireReadable } from './property-collector.ts';
import type { Session } from './session.ts';
import { readObject } from './tasks.ts';

const PROPERTIES = ['config.hardware.device', 'config.version', 'runtime.host', VM_FILES];

/** Undefined when the VM is gone. */
export async function readVmDisks(session: Session, vm: VimRef): Promise<VmDisks | undefined> {
  const found = await readVm(session, vm);
  if (!found) return undefined;
  const host = ref(found.properties.get('runtime.host'));
  const name = host && text((await readObject(session, host, ['name']))?.properties.get('name'));
  if (name === undefined) throw errorOfUnreadableAnswer(session.server, 'RetrievePropertiesEx');
  return {
    host: displayName(name),
    freePlaces: freePlaces(found).length,
    files: diskFilesOf(found),
    uses: filesUsedBy(found),
  };
}

/** Changes the VM by one reconfiguration. Errors: `E_RESTORE` when it has too few places. */
export async function giveDisksTo(session: Session, vm: VimRef, files: readonly string[]): Promise<SoapObject> {
  const found = await readVm(session, vm);
  const places: readonly DiskPlace[] = found ? freePlaces(found) : [];
  const disks = files.flatMap((fileName, index) => {
    const place = places[index];
    return place ? [{ ...place, fileName }] : [];
  });
  if (disks.length === files.length) return addDisks(vm, disks, 'persistent');
  throw new SnaphookError('E_RESTORE', `VM "${vm.id}" has ${places.length} free place(s) for ${files.length} disk(s)`, {
    hint: 'Add a SCSI controller to it that is not shared with other VMs, then run again.',
  });
}

/** Device keys of the disks that have one of these files. */
export async function keysOfDisks(session: Session, vm: VimRef, files: readonly string[]): Promise<readonly number[]> {
  const found = await readVm(session, vm);
  if (!found) return [];
  return devicesOf(found)
    .filter((device) => files.includes(text(child(device, 'backing', 'fileName')) ?? ''))
    .flatMap((device) => integer(child(device, 'key')) ?? []);
}

async function readVm(session: Session, vm: VimRef): Promise<ObjectProperties | undefined> {
  const found = await readObject(session, vm, PROPERTIES);
  if (found) requireReadable(session, found, PROPERTIES);
  return found;
}
