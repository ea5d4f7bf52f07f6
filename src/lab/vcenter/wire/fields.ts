import {
  type DataObject,
  type Fields,
  isArray,
  isData,
  isReference,
  type Reference,
  type VimValue,
} from './vim-values.ts';

/** Readers for decoded arguments. The decoder has checked kinds and presence; anything else here is a lab defect. */
export function textOf(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value !== 'string') throw wrongKind(name);
  return value;
}

export function optionalTextOf(fields: Fields, name: string): string | undefined {
  return fields[name] === undefined ? undefined : textOf(fields, name);
}

export function flagOf(fields: Fields, name: string): boolean {
  const value = fields[name] ?? false;
  if (typeof value !== 'boolean') throw wrongKind(name);
  return value;
}

export function optionalIntOf(fields: Fields, name: string): number | undefined {
  const value = fields[name];
  if (value !== undefined && typeof value !== 'number') throw wrongKind(name);
  return value;
}

export function referenceOf(fields: Fields, name: string): Reference {
  const value = fields[name];
  if (!isReference(value)) throw wrongKind(name);
  return value;
}

export function optionalReferenceOf(fields: Fields, name: string): Reference | undefined {
  return fields[name] === undefined ? undefined : referenceOf(fields, name);
}

export function dataOf(fields: Fields, name: string): DataObject {
  const value = fields[name];
  if (!isData(value)) throw wrongKind(name);
  return value;
}

export function optionalDataOf(fields: Fields, name: string): DataObject | undefined {
  return fields[name] === undefined ? undefined : dataOf(fields, name);
}

export function dataListOf(fields: Fields, name: string): readonly DataObject[] {
  return listOf(fields, name).map((value) => {
    if (!isData(value)) throw wrongKind(name);
    return value;
  });
}

export function referencesOf(fields: Fields, name: string): readonly Reference[] {
  return listOf(fields, name).map((value) => {
    if (!isReference(value)) throw wrongKind(name);
    return value;
  });
}

export function textsOf(fields: Fields, name: string): readonly string[] {
  return listOf(fields, name).map((value) => {
    if (typeof value !== 'string') throw wrongKind(name);
    return value;
  });
}

function listOf(fields: Fields, name: string): readonly VimValue[] {
  const value = fields[name] ?? [];
  if (!isArray(value)) throw wrongKind(name);
  return value;
}

function wrongKind(name: string): Error {
  return new Error(`argument ${name} is not of the kind its schema says`);
}
