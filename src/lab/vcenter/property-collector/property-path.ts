import type { PropertyReaders } from '../model/managed-object.ts';
import type { Property, TypeRef } from '../schema/notation.ts';
import { dataType, managedType } from '../schema/schema.ts';
import type { VersionRank } from '../schema/versions.ts';
import { invalidProperty } from '../wire/vim-fault.ts';
import { isArray, isData, type VimValue } from '../wire/vim-values.ts';

/** A path such as `config.hardware.device` or `config.hardware.device[2000].backing`, checked against the schema. */
export interface PropertyPath {
  readonly text: string;
  readonly segments: readonly Segment[];
  /** Declared type of what the path ends at. */
  readonly type: TypeRef;
  /** Needed to read it. */
  readonly privilege: string;
}

interface Segment {
  readonly name: string;
  /** Picks one element of an array by its `key`. */
  readonly key: string | undefined;
}

const SEGMENT = /^([A-Za-z]\w*)(?:\[(?:"([^"]*)"|([^\]"]+))\])?$/;

/**
 * Throws `InvalidProperty` for what the type (with its bases, in the client's release) does not declare. Properties
 * of subtypes are not reachable by path, as on vCenter. `onUnserved` hears of paths that a vCenter would know.
 */
export function resolvePath(
  typeName: string,
  text: string,
  version: VersionRank,
  onUnserved: (what: string) => void,
): PropertyPath {
  const segments = text.split(/\.(?![^[]*\])/).map((part) => {
    const [, name, quotedKey, key] = SEGMENT.exec(part) ?? [];
    if (!name) throw invalidProperty(text);
    return { name, key: quotedKey ?? key };
  });
  const [head, ...rest] = segments;
  const first = head && managedType(typeName)?.properties.get(head.name);
  if (!head || !first || first.since > version) throw invalidProperty(text);
  let type = elementType(first, head, text);
  for (const segment of rest) {
    const holder = dataType(type.name);
    if (!type.array && !type.reference && !holder) onUnserved(`property ${text}`);
    const property = type.array || type.reference ? undefined : holder?.properties.get(segment.name);
    if (!property || property.since > version) throw invalidProperty(text);
    type = elementType(property, segment, text);
  }
  return { text, segments, type, privilege: first.privilege ?? 'System.Read' };
}

/** Undefined: unset. Throws `InvalidProperty` when the lab does not simulate the property. */
export function readPath(
  path: PropertyPath,
  readers: PropertyReaders,
  onUnserved: (what: string) => void,
): VimValue | undefined {
  const [head, ...rest] = path.segments;
  const reader = head && readers[head.name];
  if (!head || !reader) {
    onUnserved(`property ${path.text}`);
    throw invalidProperty(path.text);
  }
  let value = pick(reader(), head);
  for (const segment of rest) value = pick(isData(value) ? value.fields[segment.name] : undefined, segment);
  return value;
}

function elementType(property: Property, segment: Segment, text: string): TypeRef {
  if (segment.key === undefined) return property.type;
  if (!property.type.array || !dataType(property.type.name)?.properties.has('key')) throw invalidProperty(text);
  return { ...property.type, array: false };
}

function pick(value: VimValue | undefined, segment: Segment): VimValue | undefined {
  if (segment.key === undefined || !isArray(value)) return value;
  return value.find((item) => isData(item) && String(item.fields.key) === segment.key);
}
