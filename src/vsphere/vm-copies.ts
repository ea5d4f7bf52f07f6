import { type MoRef, moRef } from '../ports/identity.ts';
import type { VmCopy, VmSnapshots } from '../ports/vm-snapshots.ts';
import { arrayItems, child, ref, text, type VimRef } from './decode.ts';
import { managedObject, type SoapObject } from './encode.ts';
import { displayName } from './managed-entity.ts';
import { everythingIn, requireReadable, retrieveObjects } from './property-collector.ts';
import type { Session } from './session.ts';
import { readObject } from './tasks.ts';

/** Advanced setting of a copy that says which run made it. It is copied with the VM. */
export const MARK_KEY = 'snaphook.clone';

const PROPERTIES = ['name', 'runtime.powerState', 'config.extraConfig'];

/**
 * Without a `diskMoveType` every disk is copied whole, as it was in the snapshot (vSphere API: VirtualMachineRelocateSpec,
 * `moveAllDiskBackingsAndConsolidate`). The order of the keys is the wire order, as in `encode.ts`.
 */
export const cloneVm = ({
  vm,
  snapshot,
  name,
  folder,
  pool,
  host,
  datastore,
  mark,
  notes,
}: Parameters<VmSnapshots['copy']>[0]): SoapObject => ({
  _this: managedObject({ type: 'VirtualMachine', id: vm }),
  folder: managedObject({ type: 'Folder', id: folder }),
  name,
  spec: {
    location: {
      datastore: managedObject({ type: 'Datastore', id: datastore }),
      pool: managedObject({ type: 'ResourcePool', id: pool }),
      host: managedObject({ type: 'HostSystem', id: host }),
    },
    template: false,
    config: {
      annotation: notes,
      extraConfig: [
        {
          key: MARK_KEY,
          value: {
            attributes: { 'xsi:type': 'xsd:string', 'xmlns:xsd': 'http://www.w3.org/2001/XMLSchema' },
            $value: mark,
          },
        },
      ],
    },
    powerOn: false,
    snapshot: managedObject({ type: 'VirtualMachineSnapshot', id: snapshot }),
  },
});

export const destroyVm = (vm: VimRef): SoapObject => ({ _this: managedObject(vm) });

export async function readVmIn(session: Session, folder: VimRef, name: string): Promise<VmCopy | undefined> {
  const body = { _this: managedObject(session.searchIndex), entity: managedObject(folder), name };
  const found = ref(await session.call('FindChild', body));
  return found?.type === 'VirtualMachine' ? readVmCopy(session, found) : undefined;
}

export async function readVmCopy(session: Session, vm: VimRef): Promise<VmCopy | undefined> {
  const found = await readObject(session, vm, PROPERTIES);
  if (found === undefined) return undefined;
  requireReadable(session, found, PROPERTIES);
  const marked = arrayItems(found.properties.get('config.extraConfig')).find(
    (option) => text(child(option, 'key')) === MARK_KEY,
  );
  return {
    moRef: moRef(vm.id),
    name: displayName(text(found.properties.get('name')) ?? vm.id),
    poweredOff: text(found.properties.get('runtime.powerState')) === 'poweredOff',
    mark: text(child(marked, 'value')),
  };
}

const NOTES = 'config.annotation';

/** Reads name and notes of every VM. */
export async function readVmsWithNotes(session: Session, prefix: string) {
  const found: { readonly moRef: MoRef; readonly name: string; readonly notes: string }[] = [];
  for await (const { object, properties } of retrieveObjects(session, {
    propSet: [{ type: 'VirtualMachine', pathSet: ['name', NOTES] }],
    objectSet: [everythingIn(await session.view(['VirtualMachine']))],
    reportMissingObjectsInResults: false,
  })) {
    const notes = text(properties.get(NOTES)) ?? '';
    if (!notes.startsWith(prefix)) continue;
    found.push({ moRef: moRef(object.id), name: displayName(text(properties.get('name')) ?? object.id), notes });
  }
  return found;
}
