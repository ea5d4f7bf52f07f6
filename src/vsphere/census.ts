import { SnaphookError } from '../ports/errors.ts';
import { arrayItems, ref, text } from './decode.ts';
import { displayName, inventoryPath, type NamedObject, samePath } from './managed-entity.ts';
import { everythingIn, retrieveObjects } from './property-collector.ts';
import type { Session } from './session.ts';

interface CensusVm {
  readonly id: string;
  /** As stored. */
  readonly name: string | undefined;
  readonly instanceUuid: string | undefined;
  readonly biosUuid: string | undefined;
  readonly datastores: readonly string[];
}

/** What every VM of the inventory is found by, read once; ids are managed object ids. */
export interface Census {
  /** As displayed and as stored: backup products hand over either. */
  named(name: string): readonly string[];
  fitting(accepts: (displayedName: string) => boolean): readonly string[];
  withInstanceUuid(uuid: string): readonly string[];
  withBiosUuid(uuid: string): readonly string[];
  /** A VM in a vApp has no path here. */
  atPath(path: string): readonly string[];
  /** Also in the folders below. */
  inFolder(path: string): readonly string[];
  /** By name or inventory path. Errors: `E_VM_AMBIGUOUS` for a name of several datastores. */
  onDatastore(datastore: string): readonly string[];
}

/** `places` adds folders, datacenters and datastores, for selectors that name those. */
export interface CensusRequest {
  readonly places: boolean;
}

const VM_PATHS = ['name', 'config.instanceUuid', 'config.uuid'];
const PLACE_TYPES = ['Folder', 'Datacenter', 'Datastore'];

/** One view and one read, in pages, however many VMs there are and however many selectors ask. */
export async function readCensus(session: Session, { places }: CensusRequest): Promise<Census> {
  const vms: CensusVm[] = [];
  const objects = new Map<string, NamedObject>();
  for await (const { object, properties } of retrieveObjects(session, {
    propSet: [
      { type: 'VirtualMachine', pathSet: places ? [...VM_PATHS, 'parent', 'datastore'] : VM_PATHS },
      ...(places ? PLACE_TYPES.map((type) => ({ type, pathSet: ['name', 'parent'] })) : []),
    ],
    objectSet: [everythingIn(await session.view(places ? ['VirtualMachine', ...PLACE_TYPES] : ['VirtualMachine']))],
    reportMissingObjectsInResults: false, // a view that is gone must not look like an inventory without VMs
  })) {
    const name = text(properties.get('name'));
    const parent = ref(properties.get('parent'))?.id;
    objects.set(object.id, { type: object.type, name: name ?? '', parent });
    if (object.type !== 'VirtualMachine') continue;
    vms.push({
      id: object.id,
      name,
      instanceUuid: text(properties.get('config.instanceUuid'))?.toLowerCase(),
      biosUuid: text(properties.get('config.uuid'))?.toLowerCase(),
      datastores: arrayItems(properties.get('datastore')).flatMap((datastore) => ref(datastore)?.id ?? []),
    });
  }
  const idsOf = (accepts: (vm: CensusVm) => boolean) => vms.filter(accepts).map(({ id }) => id);
  const byName = indexOf(vms, ({ name }) => (name === undefined ? [] : [name, displayName(name)]));
  let byPath: ReadonlyMap<string, readonly string[]> | undefined;
  const byInstanceUuid = indexOf(vms, ({ instanceUuid }) => [instanceUuid]);
  return {
    named: (name) => byName.get(name) ?? [],
    fitting: (accepts) => idsOf(({ name }) => name !== undefined && accepts(displayName(name))),
    withInstanceUuid: (uuid) => byInstanceUuid.get(uuid) ?? [],
    withBiosUuid: (uuid) => idsOf(({ biosUuid }) => biosUuid === uuid),
    atPath: (path) => {
      byPath ??= indexOf(vms, ({ id }) => [inventoryPath(objects, id)]);
      return byPath.get(samePath(path)) ?? [];
    },
    inFolder: (path) => {
      const folder = `${samePath(path)}/`;
      return idsOf(({ id }) => inventoryPath(objects, id).startsWith(folder));
    },
    onDatastore: (wanted) => {
      const found = [...objects].filter(
        ([id, { type, name }]) =>
          type === 'Datastore' &&
          [name, displayName(name), inventoryPath(objects, id)].some(
            (known) => known === wanted || known === samePath(wanted),
          ),
      );
      if (found.length > 1)
        throw ambiguousDatastore(
          wanted,
          found.map(([id]) => inventoryPath(objects, id)),
        );
      return idsOf(({ datastores }) => found.some(([id]) => datastores.includes(id)));
    },
  };
}

function indexOf(
  vms: readonly CensusVm[],
  keysOf: (vm: CensusVm) => readonly (string | undefined)[],
): ReadonlyMap<string, readonly string[]> {
  const index = new Map<string, string[]>();
  for (const vm of vms) {
    for (const key of new Set(keysOf(vm))) {
      if (key === undefined) continue;
      const ids = index.get(key);
      if (ids === undefined) index.set(key, [vm.id]);
      else ids.push(vm.id);
    }
  }
  return index;
}

const ambiguousDatastore = (name: string, paths: readonly string[]) =>
  new SnaphookError('E_VM_AMBIGUOUS', `${paths.length} datastores are named "${name}"`, {
    hint: `Name the one you mean by its inventory path: ${paths.map((path) => `datastore:${path}`).join(', ')}.`,
  });
