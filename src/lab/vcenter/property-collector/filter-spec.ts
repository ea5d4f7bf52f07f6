import { isSubtype, managedType } from '../schema/schema.ts';
import type { VersionRank } from '../schema/versions.ts';
import { dataListOf, flagOf, optionalTextOf, referenceOf, textOf, textsOf } from '../wire/fields.ts';
import { invalidArgument, invalidProperty, VimFault } from '../wire/vim-fault.ts';
import type { DataObject, Reference } from '../wire/vim-values.ts';
import { type PropertyPath, resolvePath } from './property-path.ts';

/** A client's PropertyFilterSpec, checked: types and paths exist, named selections are resolved. */
export interface FilterSpec {
  readonly propSet: readonly PropertySpec[];
  readonly objectSet: readonly ObjectSpec[];
  readonly reportMissing: boolean;
  /** As received, for the filter's own `spec` property. */
  readonly source: DataObject;
}

export interface PropertySpec {
  readonly type: string;
  readonly all: boolean;
  readonly paths: readonly PropertyPath[];
}

interface ObjectSpec {
  readonly obj: Reference;
  readonly skip: boolean;
  readonly selections: readonly Traversal[];
}

export interface Traversal {
  readonly type: string;
  readonly path: PropertyPath;
  readonly skip: boolean;
  /** May lead back to itself: selections refer to each other by name. */
  readonly selections: Traversal[];
}

interface SchemaView {
  readonly version: VersionRank;
  onUnserved(what: string): void;
}

export function parseFilterSpec(spec: DataObject, view: SchemaView): FilterSpec {
  return {
    propSet: dataListOf(spec.fields, 'propSet').map((entry) => parsePropertySpec(entry, view)),
    objectSet: dataListOf(spec.fields, 'objectSet').map((entry) => ({
      obj: referenceOf(entry.fields, 'obj'),
      skip: flagOf(entry.fields, 'skip'),
      selections: parseSelections(dataListOf(entry.fields, 'selectSet'), view),
    })),
    reportMissing: flagOf(spec.fields, 'reportMissingObjectsInResults'),
    source: spec,
  };
}

function parsePropertySpec(spec: DataObject, view: SchemaView): PropertySpec {
  const type = knownTypeName(textOf(spec.fields, 'type'), view.version);
  return {
    type,
    all: flagOf(spec.fields, 'all'),
    paths: [...new Set(textsOf(spec.fields, 'pathSet'))].map((path) =>
      resolvePath(type, path, view.version, view.onUnserved),
    ),
  };
}

function parseSelections(specs: readonly DataObject[], view: SchemaView): readonly Traversal[] {
  const named = new Map<string, Traversal>();
  const parsed = new Map<DataObject, Traversal>();
  const declare = (spec: DataObject): void => {
    if (!isTraversal(spec)) return;
    const type = knownTypeName(textOf(spec.fields, 'type'), view.version);
    const path = resolvePath(type, textOf(spec.fields, 'path'), view.version, view.onUnserved);
    if (!path.type.reference) throw invalidProperty(path.text);
    const traversal: Traversal = { type, path, skip: flagOf(spec.fields, 'skip'), selections: [] };
    parsed.set(spec, traversal);
    const name = optionalTextOf(spec.fields, 'name');
    if (name !== undefined && !named.has(name)) named.set(name, traversal);
    for (const nested of dataListOf(spec.fields, 'selectSet')) declare(nested);
  };
  for (const spec of specs) declare(spec);
  const resolve = (spec: DataObject): Traversal => {
    const traversal = parsed.get(spec) ?? named.get(optionalTextOf(spec.fields, 'name') ?? '');
    if (!traversal) throw invalidArgument('selectSet.name');
    return traversal;
  };
  for (const [spec, traversal] of parsed) {
    traversal.selections.push(...dataListOf(spec.fields, 'selectSet').map(resolve));
  }
  return specs.map(resolve);
}

function isTraversal(spec: DataObject): boolean {
  return spec.type === 'TraversalSpec';
}

/** Type names travel as text, so an unknown one passes the parser and is refused here. */
export function knownTypeName(name: string, version: VersionRank): string {
  const type = managedType(name);
  if (!type || type.since > version || !isSubtype(type, 'ManagedObject')) {
    throw new VimFault('InvalidType', `The type name ${name} is not known`, { argument: name });
  }
  return name;
}
