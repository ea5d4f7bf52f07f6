import { SnaphookError } from '../ports/errors.ts';
import type { FileUsers } from '../ports/vm-import.ts';
import { arrayItems, child, ref, text, typeOf, type VimRef } from './decode.ts';
import { displayName } from './managed-entity.ts';
import { type ObjectProperties, retrieveObjects } from './property-collector.ts';
import type { Session } from './session.ts';

/** A VM that has a file open for itself. */
export interface FileHolder {
  readonly file: string;
  readonly vm: string;
  /** The ESXi host that holds the lock for it; undefined where it is not shown. */
  readonly host: string | undefined;
}

/**
 * The VM that has one of the files as a disk: only a disk's own file is locked against others, those below it in a chain are shared.
 * Looked for among the VMs of the datastores that `near`'s host mounts. Undefined: vCenter shows none.
 */
export async function findHolder(
  session: Session,
  near: VimRef,
  files: readonly string[],
): Promise<FileHolder | undefined> {
  const { vms, hosts } = await findUsers(session, near, files, [], diskFilesOf);
  const holder = vms.findLast(({ vm }) => text(vm.properties.get('runtime.powerState')) !== 'poweredOff');
  const host = ref(holder?.vm.properties.get('runtime.host'))?.id ?? '';
  return holder && { file: holder.file, vm: nameOf(holder.vm), host: hosts.get(host) };
}

/** All VMs but this one, running or not, that use one of the files in any way, or may; looked for in the same place. */
export async function findFileUsers(session: Session, vm: VimRef, files: readonly string[]): Promise<FileUsers> {
  const { vms, others } = await findUsers(session, vm, files, [VM_FILES], filesUsedBy);
  const isUnreadable = ({ properties }: ObjectProperties) => !properties.has(DEVICES) || !properties.has(VM_FILES);
  const isOther = ({ object }: ObjectProperties) => object.id !== vm.id;
  return {
    users: vms
      .map((user) => user.vm)
      .filter(isOther)
      .map(nameOf),
    unreadable: others.filter((other) => isOther(other) && isUnreadable(other)).map(nameOf),
  };
}

const DEVICES = 'config.hardware.device';

/** Property that lists all files of a VM, those of its snapshots too. */
export const VM_FILES = 'layoutEx.file';

/** Everything that would miss one of its files: disks, what they rest on, and what is listed of the VM, which may lag behind. */
export function filesUsedBy(vm: ObjectProperties): readonly string[] {
  const chains = disksOf(vm).flatMap((disk) => {
    const files: string[] = [];
    for (let backing = child(disk, 'backing'); backing !== undefined; backing = child(backing, 'parent'))
      files.push(text(child(backing, 'fileName')) ?? '');
    return files;
  });
  const listed = arrayItems(vm.properties.get(VM_FILES)).flatMap((file) => text(child(file, 'name')) ?? []);
  return [...chains, ...listed];
}

async function findUsers(
  session: Session,
  near: VimRef,
  files: readonly string[],
  more: readonly string[],
  filesOf: (vm: ObjectProperties) => readonly string[],
) {
  const wanted = new Set(files.map(datastoreOf));
  const hosts = new Map<string, string>();
  const vms: { readonly file: string; readonly vm: ObjectProperties }[] = [];
  const others: ObjectProperties[] = [];
  for await (const found of retrieveObjects(session, {
    propSet: [
      {
        type: 'VirtualMachine',
        pathSet: ['name', DEVICES, 'runtime.host', 'runtime.powerState', ...more],
      },
      { type: 'HostSystem', pathSet: ['name'] },
    ],
    objectSet: (await datastoresNear(session, near, wanted)).map((obj) => ({
      obj,
      skip: true,
      selectSet: [
        {
          type: 'Datastore',
          path: 'vm',
          selectSet: [{ type: 'VirtualMachine', path: 'runtime.host' }],
        },
      ],
    })),
    reportMissingObjectsInResults: true,
  })) {
    if (found.object.type === 'HostSystem') hosts.set(found.object.id, nameOf(found));
    else {
      const file = filesOf(found).find((one) => files.includes(one));
      if (file !== undefined) vms.push({ file, vm: found });
      else others.push(found);
    }
  }
  return { vms, others, hosts };
}

/** Those of these names that the host of the VM mounts. */
async function datastoresNear(session: Session, vm: VimRef, names: ReadonlySet<string>): Promise<readonly VimRef[]> {
  const found: VimRef[] = [];
  for await (const { object, properties } of retrieveObjects(session, {
    propSet: [{ type: 'Datastore', pathSet: ['name'] }],
    objectSet: [
      {
        obj: vm,
        skip: true,
        selectSet: [
          { type: 'VirtualMachine', path: 'runtime.host', selectSet: [{ type: 'HostSystem', path: 'datastore' }] },
        ],
      },
    ],
    reportMissingObjectsInResults: true,
  })) {
    if (names.has(displayName(text(properties.get('name')) ?? ''))) found.push(object);
  }
  return found;
}

const datastoreOf = (file: string): string => /^\[(.+?)\]/.exec(file)?.[1] ?? '';

const nameOf = ({ object, properties }: ObjectProperties): string =>
  displayName(text(properties.get('name')) ?? object.id);

const disksOf = ({ properties }: ObjectProperties): readonly unknown[] =>
  arrayItems(properties.get(DEVICES)).filter((device) => typeOf(device) === 'VirtualDisk');

export const diskFilesOf = (vm: ObjectProperties): readonly string[] =>
  disksOf(vm).flatMap((disk) => text(child(disk, 'backing', 'fileName')) ?? []);

export function errorOfLockedFile(file: string, holder: FileHolder | undefined): SnaphookError {
  if (holder) {
    const where = holder.host === undefined ? '' : ` on ESXi host "${holder.host}"`;
    return new SnaphookError(
      'E_VCENTER',
      `file "${holder.file}" is in use: VM "${holder.vm}"${where} has it as a disk`,
      {
        hint: 'If that VM is a backup proxy, its backup may still be running, or have left the disk there: detach it without deleting the file.',
        retry: 'safe',
      },
    );
  }
  return new SnaphookError('E_VCENTER', `file "${file}" is in use, and vCenter shows no VM that has it as a disk`, {
    hint: 'A VM of another vCenter may have it, or a host that lost it: `vmkfstools -D` on an ESXi host tells which host holds the lock.',
    retry: 'safe',
  });
}
