import type { ManagedObject } from '../model/managed-object.ts';
import { notFound } from '../property-collector/collector.ts';
import { knownTypeName } from '../property-collector/filter-spec.ts';
import type { Call, OperationHandler } from '../server-context.ts';
import {
  containerView,
  type InventoryView,
  inventoryView,
  isView,
  type ListView,
  listView,
  type View,
} from '../views.ts';
import { flagOf, referenceOf, referencesOf, textsOf } from '../wire/fields.ts';
import { invalidArgument } from '../wire/vim-fault.ts';
import { type Reference, reference } from '../wire/vim-values.ts';
import { findObject } from './object-view.ts';
import { ownObjectId } from './property-collector-operations.ts';

/** Entities a ContainerView can be made of. Source: vSphere API, ViewManager.CreateContainerView. */
const CONTAINERS: ReadonlySet<string> = new Set([
  'Folder',
  'Datacenter',
  'ClusterComputeResource',
  'ResourcePool',
  'HostSystem',
]);

export const viewOperations: Readonly<Record<string, OperationHandler>> = {
  CreateContainerView: (call) => {
    const ref = referenceOf(call.args, 'container');
    const { model } = call.server;
    const container = model.entities.get(ref.id);
    if (!container || !findObject(call.server, call.session, ref)) throw notFound(ref);
    if (!CONTAINERS.has(container.type)) throw invalidArgument('container');
    const types = textsOf(call.args, 'type').map((name) => knownTypeName(name, call.version));
    return keep(call, containerView(ownObjectId(call), container, types, flagOf(call.args, 'recursive'), model));
  },
  CreateListView: (call) => keep(call, listView(ownObjectId(call), existing(call, 'obj').found)),
  CreateListViewFromView: (call) => keep(call, listView(ownObjectId(call), otherView(call).contents())),
  CreateInventoryView: (call) => keep(call, inventoryView(ownObjectId(call), call.server.model)),
  DestroyView: (call) => {
    call.session.objects.delete(call.object.id);
    call.server.model.changes.announce();
    return undefined;
  },
  ModifyListView: (call) => {
    const view = viewAs(call, 'ListView');
    const added = existing(call, 'add');
    const removed = new Set(referencesOf(call.args, 'remove').map((ref) => ref.id));
    const kept = view.contents().filter((ref) => !removed.has(ref.id));
    const present = new Set(kept.map((ref) => ref.id));
    view.set([...kept, ...added.found.filter((ref) => !present.has(ref.id))]);
    return changed(call, added.missing);
  },
  ResetListView: (call) => {
    const { found, missing } = existing(call, 'obj');
    viewAs(call, 'ListView').set(found);
    return changed(call, missing);
  },
  ResetListViewFromView: (call) => {
    viewAs(call, 'ListView').set(otherView(call).contents());
    return changed(call, []);
  },
  OpenInventoryViewFolder: (call) => {
    const { found, missing } = existing(call, 'entity');
    for (const ref of found) viewAs(call, 'InventoryView').opened.add(ref.id);
    return changed(call, missing);
  },
  CloseInventoryViewFolder: (call) => {
    const { found, missing } = existing(call, 'entity');
    for (const ref of found) viewAs(call, 'InventoryView').opened.delete(ref.id);
    return changed(call, missing);
  },
};

function keep(call: Call, view: View): Reference {
  call.session.objects.set(view.id, view);
  return reference(view.type, view.id);
}

/** Unresolved references are the answer; none at all is an absent one. */
function changed(call: Call, unresolved: readonly Reference[]): readonly Reference[] | undefined {
  call.server.model.changes.announce();
  return unresolved.length > 0 ? unresolved : undefined;
}

function existing(call: Call, argument: string): { found: readonly Reference[]; missing: readonly Reference[] } {
  const found = new Map<string, Reference>();
  const missing: Reference[] = [];
  for (const ref of referencesOf(call.args, argument)) {
    const object = findObject(call.server, call.session, ref);
    if (object) found.set(object.id, reference(object.type, object.id));
    else missing.push(ref);
  }
  return { found: [...found.values()], missing };
}

function otherView(call: Call): View {
  const ref = referenceOf(call.args, 'view');
  const object: ManagedObject | undefined = findObject(call.server, call.session, ref);
  if (!object || !isView(object)) throw notFound(ref);
  return object;
}

function viewAs(call: Call, type: 'ListView'): ListView;
function viewAs(call: Call, type: 'InventoryView'): InventoryView;
function viewAs(call: Call, type: View['type']): View {
  if (!isView(call.object) || call.object.type !== type) throw new Error(`${call.object.id} is no ${type}`);
  return call.object;
}
