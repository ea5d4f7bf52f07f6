import type { TypeRef } from '../schema/notation.ts';

/** Values of the API inside the lab. `long` may be number or bigint; enumerations are their words. */
export type VimValue =
  | string
  | number
  | bigint
  | boolean
  | Date
  | Reference
  | DataObject
  | AnyValue
  | readonly VimValue[];

export interface Reference {
  readonly kind: 'reference';
  /** Managed type, such as `VirtualMachine`. */
  readonly type: string;
  /** Managed object id, such as `vm-101`. */
  readonly id: string;
}

export type Fields = Readonly<Record<string, VimValue | undefined>>;

export interface DataObject {
  readonly kind: 'data';
  readonly type: string;
  readonly fields: Fields;
}

/** A value where the schema says `xsd:anyType`: it names its own type on the wire. */
export interface AnyValue {
  readonly kind: 'any';
  readonly type: TypeRef;
  readonly value: VimValue;
}

export function reference(type: string, id: string): Reference {
  return { kind: 'reference', type, id };
}

export function data(type: string, fields: Fields = {}): DataObject {
  return { kind: 'data', type, fields };
}

export function anyOf(type: TypeRef, value: VimValue): AnyValue {
  return { kind: 'any', type, value };
}

export function isArray(value: VimValue | undefined): value is readonly VimValue[] {
  return Array.isArray(value);
}

export function isReference(value: VimValue | undefined): value is Reference {
  return hasKind(value, 'reference');
}

export function isData(value: VimValue | undefined): value is DataObject {
  return hasKind(value, 'data');
}

export function isAny(value: VimValue | undefined): value is AnyValue {
  return hasKind(value, 'any');
}

function hasKind(value: VimValue | undefined, kind: string): boolean {
  return typeof value === 'object' && 'kind' in value && value.kind === kind;
}
