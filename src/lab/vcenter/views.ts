import { childrenOf } from './model/inventory-tree.ts';
import type { ManagedObject, PropertyReaders } from './model/managed-object.ts';
import type { Model } from './model/model.ts';
import type { EntityRecord } from './model/records.ts';
import { refOf } from './properties/entity-properties.ts';
import { isSubtype, managedType } from './schema/schema.ts';
import type { Reference } from './wire/vim-values.ts';

/** A view is computed when it is read, so it follows the inventory. */
export type View = ContainerView | ListView | InventoryView;

export interface ContainerView extends ManagedObject {
  readonly type: 'ContainerView';
  contents(): readonly Reference[];
}

export interface ListView extends ManagedObject {
  readonly type: 'ListView';
  contents(): readonly Reference[];
  /** Keeps order; replaces everything. */
  set(objects: readonly Reference[]): void;
}

export interface InventoryView extends ManagedObject {
  readonly type: 'InventoryView';
  contents(): readonly Reference[];
  /** Entities whose children are shown. */
  readonly opened: Set<string>;
}

export function isView(object: ManagedObject): object is View {
  return object.type === 'ContainerView' || object.type === 'ListView' || object.type === 'InventoryView';
}

export function containerView(
  id: string,
  container: EntityRecord,
  types: readonly string[],
  recursive: boolean,
  model: Model,
): ContainerView {
  const contents = () =>
    below(container, recursive, model)
      .filter((entity) => types.length === 0 || types.some((type) => isSubtype(managedType(entity.type), type)))
      .map(refOf);
  return {
    type: 'ContainerView',
    id,
    contents,
    readers: (): PropertyReaders => ({
      view: contents,
      container: () => refOf(container),
      type: () => types,
      recursive: () => recursive,
    }),
  };
}

export function listView(id: string, objects: readonly Reference[]): ListView {
  let held = objects;
  return {
    type: 'ListView',
    id,
    contents: () => held,
    set: (replaced) => {
      held = replaced;
    },
    readers: () => ({ view: () => held }),
  };
}

/** Shows the root folder and, of every opened entity, the children. */
export function inventoryView(id: string, model: Model): InventoryView {
  const opened = new Set([model.rootFolder.id]);
  const contents = () => {
    const shown: EntityRecord[] = [];
    const show = (entity: EntityRecord): void => {
      shown.push(entity);
      if (opened.has(entity.id)) childrenOf(entity, model).forEach(show);
    };
    show(model.rootFolder);
    return shown.map(refOf);
  };
  return { type: 'InventoryView', id, opened, contents, readers: () => ({ view: contents }) };
}

function below(container: EntityRecord, recursive: boolean, model: Model): readonly EntityRecord[] {
  const found = new Set<EntityRecord>();
  const visit = (entity: EntityRecord): void => {
    for (const child of childrenOf(entity, model)) {
      if (found.has(child)) continue;
      found.add(child);
      if (recursive) visit(child);
    }
  };
  visit(container);
  return [...found];
}
