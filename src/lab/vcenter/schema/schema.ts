import { DEVICE_TYPES } from './device-types.ts';
import { ENUMERATIONS } from './enumerations.ts';
import { EVENT_TYPES } from './event-types.ts';
import { FAULT_TYPES } from './fault-types.ts';
import { GUEST_TYPES } from './guest-types.ts';
import { HOST_TYPES } from './host-types.ts';
import { IMPORT_TYPES } from './import-types.ts';
import { MANAGED_TYPES, OTHER_MANAGED_TYPES } from './managed-types.ts';
import { type OperationBlock, type Property, parseOperations, parseTypes, type TypeBlock } from './notation.ts';
import { OPERATIONS } from './operations.ts';
import { PROPERTY_COLLECTOR_TYPES } from './property-collector-types.ts';
import { SERVICE_TYPES } from './service-types.ts';
import { STORAGE_TYPES } from './storage-types.ts';
import { OLDEST_VERSION, type VersionRank } from './versions.ts';
import { VIRTUAL_MACHINE_TYPES } from './virtual-machine-types.ts';

/** A data or managed type with the properties of its bases in front: the order on the wire. */
export interface SchemaType {
  readonly name: string;
  readonly base: SchemaType | undefined;
  readonly vmodlName: string;
  readonly since: VersionRank;
  readonly properties: ReadonlyMap<string, Property>;
  readonly ordered: readonly Property[];
}

/** Scalars as XML Schema names them. */
const SCALARS: ReadonlySet<string> = new Set([
  'string',
  'anyURI',
  'base64Binary',
  'int',
  'long',
  'short',
  'byte',
  'boolean',
  'float',
  'double',
  'dateTime',
]);

const ROOT_BLOCK = { base: '', since: OLDEST_VERSION, properties: [] } as const;

const dataTypes = resolveTypes([
  { ...ROOT_BLOCK, name: 'DynamicData', vmodlName: 'vmodl.DynamicData' },
  ...[
    SERVICE_TYPES,
    PROPERTY_COLLECTOR_TYPES,
    DEVICE_TYPES,
    VIRTUAL_MACHINE_TYPES,
    STORAGE_TYPES,
    HOST_TYPES,
    EVENT_TYPES,
    IMPORT_TYPES,
    FAULT_TYPES,
    GUEST_TYPES,
  ].flatMap(parseTypes),
]);

const managedTypes = resolveTypes([
  { ...ROOT_BLOCK, name: 'ManagedObject', vmodlName: 'vmodl.ManagedObject' },
  ...parseTypes(MANAGED_TYPES),
  ...OTHER_MANAGED_TYPES.trim()
    .split(/\s+/)
    .map((word) => {
      const [name = word, base = 'ManagedObject'] = word.split(':');
      return { ...ROOT_BLOCK, name, base, vmodlName: `vim.${name}` };
    }),
]);

const enumerations: ReadonlyMap<string, readonly string[]> = new Map(
  ENUMERATIONS.trim()
    .split('\n')
    .map((line) => {
      const [name = '', words = ''] = line.split(': ');
      return [name, words.split(' ')];
    }),
);

const operations: ReadonlyMap<string, OperationBlock> = new Map(
  parseOperations(OPERATIONS).map((operation) => [operation.name, operation]),
);

export const dataType = (name: string): SchemaType | undefined => dataTypes.get(name);
export const managedType = (name: string): SchemaType | undefined => managedTypes.get(name);
export const enumerationWords = (name: string): readonly string[] | undefined => enumerations.get(name);
export const operationNamed = (name: string): OperationBlock | undefined => operations.get(name);
export const isScalar = (name: string): boolean => SCALARS.has(name);

export function isSubtype(type: SchemaType | undefined, ofName: string): boolean {
  for (let current = type; current; current = current.base) if (current.name === ofName) return true;
  return false;
}

function resolveTypes(blocks: readonly TypeBlock[]): ReadonlyMap<string, SchemaType> {
  const byName = new Map(blocks.map((block) => [block.name, block]));
  const resolved = new Map<string, SchemaType>();
  const resolve = (name: string): SchemaType | undefined => {
    const known = resolved.get(name);
    if (known) return known;
    const block = byName.get(name);
    if (!block) return undefined;
    const base = block.base === '' ? undefined : resolve(block.base);
    if (block.base !== '' && !base) throw new Error(`${name} extends ${block.base}, which is not in the schema`);
    const ordered = [...(base?.ordered ?? []), ...block.properties];
    const type: SchemaType = {
      name,
      base,
      vmodlName: block.vmodlName,
      since: block.since,
      ordered,
      properties: new Map(ordered.map((property) => [property.name, property])),
    };
    resolved.set(name, type);
    return type;
  };
  for (const name of byName.keys()) resolve(name);
  return resolved;
}
