import type { ManagedObject, PropertyReaders } from '../model/managed-object.ts';
import { isSubtype, managedType } from '../schema/schema.ts';
import type { VimValue } from '../wire/vim-values.ts';
import { isArray, isReference, type Reference } from '../wire/vim-values.ts';
import type { FilterSpec, Traversal } from './filter-spec.ts';
import { readPath } from './property-path.ts';

/** What selection and reading need to know about the caller. */
export interface ObjectView {
  find(reference: Reference): ManagedObject | undefined;
  /** Throws when the caller may not see the object at all. */
  requireView(object: ManagedObject): void;
  may(privilege: string): boolean;
  onUnserved(what: string): void;
}

/** An object with its readers' results kept, so that several paths below one property compute it once. */
export interface ViewedObject {
  readonly object: ManagedObject;
  readonly readers: PropertyReaders;
}

export interface Selection {
  readonly selected: readonly ViewedObject[];
  /** Start objects that do not exist. */
  readonly missing: readonly Reference[];
}

/** Walks the object set: each object is selected once, however many ways lead to it; cycles end. */
export function selectObjects(spec: FilterSpec, view: ObjectView): Selection {
  const viewed = new Map<string, ViewedObject>();
  const selected = new Set<ViewedObject>();
  const walked = new Map<Traversal, Set<string>>();
  const missing: Reference[] = [];

  const viewedObject = (object: ManagedObject): ViewedObject => {
    const known = viewed.get(object.id) ?? { object, readers: memoized(object.readers()) };
    viewed.set(object.id, known);
    return known;
  };
  const walk = (from: ViewedObject, traversal: Traversal): void => {
    if (!isSubtype(managedType(from.object.type), traversal.type)) return;
    const done = walked.get(traversal) ?? new Set();
    walked.set(traversal, done);
    if (done.has(from.object.id)) return;
    done.add(from.object.id);
    if (!view.may(traversal.path.privilege)) return;
    for (const target of referencesIn(readPath(traversal.path, from.readers, view.onUnserved))) {
      const object = view.find(target);
      if (!object) continue;
      const next = viewedObject(object);
      if (!traversal.skip) selected.add(next);
      for (const selection of traversal.selections) walk(next, selection);
    }
  };
  for (const start of spec.objectSet) {
    const object = view.find(start.obj);
    if (!object) {
      missing.push(start.obj);
      continue;
    }
    view.requireView(object);
    const from = viewedObject(object);
    if (!start.skip) selected.add(from);
    for (const selection of start.selections) walk(from, selection);
  }
  return { selected: [...selected], missing };
}

function referencesIn(value: VimValue | undefined): readonly Reference[] {
  if (isArray(value)) return value.filter((item) => isReference(item));
  return isReference(value) ? [value] : [];
}

function memoized(readers: PropertyReaders): PropertyReaders {
  const values = new Map<string, VimValue | undefined>();
  return Object.fromEntries(
    Object.entries(readers).map(([name, read]) => [
      name,
      () => {
        if (!values.has(name)) values.set(name, read());
        return values.get(name);
      },
    ]),
  );
}
