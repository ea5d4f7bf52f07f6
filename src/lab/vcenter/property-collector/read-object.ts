import { isSubtype, managedType } from '../schema/schema.ts';
import type { VersionRank } from '../schema/versions.ts';
import type { VimFault } from '../wire/vim-fault.ts';
import { type AnyValue, anyOf, type DataObject, data, reference } from '../wire/vim-values.ts';
import type { PropertySpec } from './filter-spec.ts';
import { type PropertyPath, readPath, resolvePath } from './property-path.ts';
import type { ObjectView, ViewedObject } from './select-objects.ts';

/** What one object shows for a property set. */
export interface ObjectReading {
  readonly values: ReadonlyMap<string, AnyValue>;
  readonly denied: ReadonlyMap<string, VimFault>;
}

export interface ReadingView extends ObjectView {
  readonly version: VersionRank;
  /** The fault for a property the caller may not read. */
  denied(object: ViewedObject, privilege: string): VimFault;
}

/** Undefined: no spec of the set is for this type, so the object is not reported. */
export function readObject(
  viewed: ViewedObject,
  propSet: readonly PropertySpec[],
  view: ReadingView,
): ObjectReading | undefined {
  const type = managedType(viewed.object.type);
  const specs = propSet.filter((spec) => isSubtype(type, spec.type));
  if (specs.length === 0) return undefined;
  const values = new Map<string, AnyValue>();
  const denied = new Map<string, VimFault>();
  for (const path of pathsFor(viewed, specs, view)) {
    if (values.has(path.text) || denied.has(path.text)) continue;
    if (!view.may(path.privilege)) {
      denied.set(path.text, view.denied(viewed, path.privilege));
      continue;
    }
    const value = readPath(path, viewed.readers, view.onUnserved);
    if (value !== undefined) values.set(path.text, anyOf(path.type, value));
  }
  return { values, denied };
}

export function objectContent(viewed: ViewedObject, reading: ObjectReading): DataObject {
  return data('ObjectContent', {
    obj: reference(viewed.object.type, viewed.object.id),
    propSet: [...reading.values].map(([name, val]) => data('DynamicProperty', { name, val })),
    missingSet: missingSet(reading),
  });
}

export function missingSet(reading: ObjectReading): readonly DataObject[] {
  return [...reading.denied].map(([path, fault]) => data('MissingProperty', { path, fault: fault.localized() }));
}

/** `all` means every property of the object's own type that the client's release knows. */
function pathsFor(viewed: ViewedObject, specs: readonly PropertySpec[], view: ReadingView): readonly PropertyPath[] {
  return specs.flatMap((spec) => {
    if (!spec.all) return spec.paths;
    const type = managedType(viewed.object.type);
    return (type?.ordered ?? [])
      .filter((property) => property.since <= view.version)
      .flatMap((property) => {
        if (property.name in viewed.readers) {
          return resolvePath(viewed.object.type, property.name, view.version, view.onUnserved);
        }
        if (!property.optional) view.onUnserved(`property ${property.name} of ${viewed.object.type}`);
        return [];
      });
  });
}
