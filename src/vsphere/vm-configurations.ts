import { SnaphookError } from '../ports/errors.ts';
import type { VmConfiguration } from '../ports/hypervisor.ts';
import type { MoRef } from '../ports/identity.ts';
import { type DatastoreFile, readDatastoreFile, writeDatastoreFile } from './datastore-files.ts';
import { arrayItems, child, ref, text, type VimRef } from './decode.ts';
import { errorOfUnreadableAnswer } from './faults.ts';
import { displayName, inventoryPath, type NamedObject } from './managed-entity.ts';
import { everythingIn, type ObjectProperties, requireReadable, retrieveObjects } from './property-collector.ts';
import type { Session } from './session.ts';
import { readObject } from './tasks.ts';

const HOME = 'config.files.vmPathName';
const CHANGE_VERSION = 'config.changeVersion';
const FILES = 'layoutEx.file';
const PLACES = ['Folder', 'Datacenter', 'Datastore'];

/** Two reads for all VMs together, then one GET a file. */
export async function readConfigurations(
  session: Session,
  vms: readonly MoRef[],
): Promise<readonly (VmConfiguration | SnaphookError)[]> {
  const found = new Map<string, ObjectProperties>();
  for await (const vm of retrieveObjects(session, {
    propSet: [{ type: 'VirtualMachine', pathSet: [HOME, CHANGE_VERSION, FILES, 'datastore'] }],
    objectSet: vms.map((id) => ({ obj: { type: 'VirtualMachine', id }, skip: false })),
    reportMissingObjectsInResults: true,
  })) {
    found.set(vm.object.id, vm);
  }
  const places = await readPlaces(session);
  return await Promise.all(
    vms.map(async (id) => {
      try {
        return await readConfiguration(session, found.get(id), places);
      } catch (error) {
        // A session that was lost is no matter of one VM.
        if (error instanceof SnaphookError) return error;
        throw error;
      }
    }),
  );
}

async function readPlaces(session: Session): Promise<ReadonlyMap<string, NamedObject>> {
  const places = new Map<string, NamedObject>();
  for await (const { object, properties } of retrieveObjects(session, {
    propSet: PLACES.map((type) => ({ type, pathSet: ['name', 'parent'] })),
    objectSet: [everythingIn(await session.view(PLACES))],
    reportMissingObjectsInResults: false,
  })) {
    const name = text(properties.get('name')) ?? '';
    places.set(object.id, { type: object.type, name, parent: ref(properties.get('parent'))?.id });
  }
  return places;
}

async function readConfiguration(
  session: Session,
  vm: ObjectProperties | undefined,
  places: ReadonlyMap<string, NamedObject>,
): Promise<VmConfiguration> {
  if (vm) requireReadable(session, vm, [HOME, CHANGE_VERSION, FILES]);
  const changeVersion = text(vm?.properties.get(CHANGE_VERSION));
  if (!vm || changeVersion === undefined) throw errorOfUnreadableAnswer(session.server, 'RetrievePropertiesEx');
  const vmx = homeOf(session, vm, places);
  const read = (path: string) => readDatastoreFile(session, { ...vmx, path });
  const nvram = nvramOf(vm);
  return { changeVersion, vmx: await read(vmx.path), nvram: nvram === undefined ? undefined : await read(nvram) };
}

/** Writes a small file of that name beside the configuration of the VM. */
export async function writeBesideConfiguration(
  session: Session,
  vm: VimRef,
  name: string,
  content: Uint8Array,
): Promise<void> {
  const found = await readObject(session, vm, [HOME, 'datastore']);
  if (!found) throw errorOfUnreadableAnswer(session.server, 'RetrievePropertiesEx');
  requireReadable(session, found, [HOME]);
  const vmx = homeOf(session, found, await readPlaces(session));
  const path = `${vmx.path.slice(0, vmx.path.lastIndexOf('/') + 1)}${name}`;
  await writeDatastoreFile(session, { ...vmx, path }, content);
}

/** The .vmx. */
function homeOf(session: Session, vm: ObjectProperties, places: ReadonlyMap<string, NamedObject>): DatastoreFile {
  const [, datastore, path] = /^\[(.+?)\] (.+)$/.exec(text(vm.properties.get(HOME)) ?? '') ?? [];
  if (datastore === undefined || path === undefined)
    throw errorOfUnreadableAnswer(session.server, 'RetrievePropertiesEx');
  const datacenterPath = datacenterOf(vm, datastore, places);
  if (datacenterPath !== undefined) return { datacenterPath, datastore, path };
  throw new SnaphookError('E_VCENTER', `vCenter does not show in which datacenter datastore "${datastore}" lies`, {
    hint: 'Give the account System.Read on the datacenter and the folders above it.',
  });
}

/** Inventory path of the datacenter with the VM's own datastore of that name: others may have one of the same name. */
function datacenterOf(
  { properties }: ObjectProperties,
  datastore: string,
  places: ReadonlyMap<string, NamedObject>,
): string | undefined {
  const own = arrayItems(properties.get('datastore')).map((one) => ref(one)?.id ?? '');
  let at = own.find((id) => displayName(places.get(id)?.name ?? '') === datastore);
  while (at !== undefined && places.get(at)?.type !== 'Datacenter') at = places.get(at)?.parent;
  return at === undefined ? undefined : inventoryPath(places, at);
}

/** Its path on the datastore of the .vmx: `layoutEx` may still name the datastore as it was called before it was renamed. */
function nvramOf({ properties }: ObjectProperties): string | undefined {
  const file = arrayItems(properties.get(FILES)).find((one) => text(child(one, 'type')) === 'nvram');
  return text(child(file, 'name'))?.replace(/^\[.+?\] /, '');
}
