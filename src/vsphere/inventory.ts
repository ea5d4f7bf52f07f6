import type { VmSelector } from '../ports/hypervisor.ts';
import { ref, text, type VimRef } from './decode.ts';
import { findByInstanceUuid, findByInventoryPath, type ObjectSelection } from './encode.ts';
import { displayName } from './managed-entity.ts';
import { retrieveObjects } from './property-collector.ts';
import type { Session } from './session.ts';

/** Up to this many UUIDs one lookup each costs less than reading the names of the whole inventory. */
const MAX_SINGLE_LOOKUPS = 3;

/** Ids of the virtual machines that each selector matches. */
export async function matchVms(
  session: Session,
  selectors: readonly VmSelector[],
): Promise<readonly (readonly string[])[]> {
  const uuids = selectors.filter((selector) => selector.by === 'instanceUuid').length;
  const sweep = selectors.some((selector) => selector.by === 'name') || uuids > MAX_SINGLE_LOOKUPS;
  const census = sweep ? await readCensus(session) : undefined;
  return await Promise.all(
    selectors.map(async (selector) => {
      switch (selector.by) {
        case 'moRef':
          return [selector.moRef];
        case 'path': {
          const path = selector.inventoryPath.replace(/^\/+|\/+$/g, '');
          const body = findByInventoryPath(session.searchIndex, path);
          return vmIds(await session.call('FindByInventoryPath', body));
        }
        case 'instanceUuid':
          if (census !== undefined) return census.byUuid.get(selector.uuid) ?? [];
          return vmIds(await session.call('FindByUuid', findByInstanceUuid(session.searchIndex, selector.uuid)));
        case 'name':
          return census?.byName.get(selector.name) ?? [];
      }
    }),
  );
}

/** What a lookup found; an inventory path can also lead to a folder. */
function vmIds(found: unknown): readonly string[] {
  const object = ref(found);
  return object?.type === 'VirtualMachine' ? [object.id] : [];
}

interface Census {
  readonly byName: ReadonlyMap<string, readonly string[]>;
  readonly byUuid: ReadonlyMap<string, readonly string[]>;
}

/** Names and UUIDs of every VM. A name is found as displayed and as stored: backup products hand over either. */
async function readCensus(session: Session): Promise<Census> {
  const byName = new Map<string, string[]>();
  const byUuid = new Map<string, string[]>();
  for await (const { object, properties } of retrieveObjects(session, {
    propSet: [{ type: 'VirtualMachine', pathSet: ['name', 'config.instanceUuid'] }],
    objectSet: [await everyVm(session)],
    reportMissingObjectsInResults: false, // a view that is gone must not look like an inventory without VMs
  })) {
    const name = text(properties.get('name'));
    if (name !== undefined) for (const form of new Set([name, displayName(name)])) note(byName, form, object);
    const uuid = text(properties.get('config.instanceUuid'))?.toLowerCase();
    if (uuid !== undefined) note(byUuid, uuid, object);
  }
  return { byName, byUuid };
}

function note(index: Map<string, string[]>, key: string, object: VimRef): void {
  const ids = index.get(key);
  if (ids === undefined) index.set(key, [object.id]);
  else ids.push(object.id);
}

async function everyVm(session: Session): Promise<ObjectSelection> {
  return {
    obj: await session.allVms(),
    skip: true,
    selectSet: [{ type: 'ContainerView', path: 'view' }],
  };
}
