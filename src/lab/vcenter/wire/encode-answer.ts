import { escapeXml } from '../../../platform/xml.ts';
import type { TypeRef } from '../schema/notation.ts';
import { dataType, enumerationWords, isScalar, type SchemaType } from '../schema/schema.ts';
import type { VersionRank } from '../schema/versions.ts';
import { type DataObject, isAny, isArray, isData, isReference, type VimValue } from './vim-values.ts';

/**
 * Writes values as vCenter does: properties in schema order, those newer than the client's release left out,
 * `xsi:type` wherever the declared type does not tell the real one. A value that does not fit the schema
 * (missing required property, wrong kind) is a defect of the lab and throws.
 */
export function encodeProperty(name: string, type: TypeRef, value: VimValue | undefined, version: VersionRank): string {
  if (value === undefined) return '';
  if (!type.array) return encodeElement(name, type, value, version);
  if (!isArray(value)) throw new Error(`${name} must be an array`);
  return value.map((item) => encodeElement(name, type, item, version)).join('');
}

/** The content of `<detail>`: one element named after the fault. */
export function encodeFaultDetail(fault: DataObject, version: VersionRank): string {
  const type = knownType(fault.type, version);
  return `<${type.name}Fault xmlns="urn:vim25" xsi:type="${type.name}">${encodeFields(fault, type, version)}</${type.name}Fault>`;
}

function encodeElement(name: string, type: TypeRef, value: VimValue, version: VersionRank): string {
  if (type.name === 'anyType') {
    if (!isAny(value)) throw new Error(`${name} is anyType and needs a typed value`);
    return encodeAny(name, value.type, value.value, version);
  }
  if (type.reference) {
    if (!isReference(value)) throw new Error(`${name} must be a reference`);
    return `<${name} type="${value.type}">${escapeXml(value.id)}</${name}>`;
  }
  if (isData(value)) {
    const actual = knownType(value.type, version);
    const typed = actual.name === type.name ? '' : ` xsi:type="${actual.name}"`;
    return `<${name}${typed}>${encodeFields(value, actual, version)}</${name}>`;
  }
  return `<${name}>${encodeScalar(name, type.name, value)}</${name}>`;
}

function encodeAny(name: string, type: TypeRef, value: VimValue, version: VersionRank): string {
  if (type.array) return encodeAnyArray(name, type, value, version);
  if (isAny(value)) return encodeAny(name, value.type, value.value, version);
  if (isReference(value)) {
    return `<${name} type="${value.type}" xsi:type="ManagedObjectReference">${escapeXml(value.id)}</${name}>`;
  }
  if (isData(value)) {
    const actual = knownType(value.type, version);
    return `<${name} xsi:type="${actual.name}">${encodeFields(value, actual, version)}</${name}>`;
  }
  const xsiType = isScalar(type.name) ? `xsd:${type.name}` : type.name;
  return `<${name} xsi:type="${xsiType}">${encodeScalar(name, type.name, value)}</${name}>`;
}

/** `ArrayOfString` holds `string` elements, `ArrayOfVirtualDevice` holds `VirtualDevice` elements. */
function encodeAnyArray(name: string, type: TypeRef, value: VimValue, version: VersionRank): string {
  if (!isArray(value)) throw new Error(`${name} must be an array`);
  const item = type.reference ? 'ManagedObjectReference' : type.name;
  const arrayType = `ArrayOf${item.charAt(0).toUpperCase()}${item.slice(1)}`;
  const single: TypeRef = { ...type, array: false };
  const items = value
    .map((entry) =>
      type.reference || type.name === 'anyType'
        ? encodeAny(item, single, entry, version)
        : encodeElement(item, single, entry, version),
    )
    .join('');
  return `<${name} xsi:type="${arrayType}">${items}</${name}>`;
}

function encodeFields(object: DataObject, type: SchemaType, version: VersionRank): string {
  let encoded = '';
  for (const property of type.ordered) {
    if (property.since > version) continue;
    const value = object.fields[property.name];
    if (value === undefined) {
      if (!property.optional) throw new Error(`${object.type}.${property.name} is required`);
      continue;
    }
    encoded += encodeProperty(property.name, property.type, value, version);
  }
  for (const name of Object.keys(object.fields)) {
    if (!dataType(object.type)?.properties.has(name)) throw new Error(`${object.type} has no property ${name}`);
  }
  return encoded;
}

/** A type newer than the client's release is shown as the nearest base the client knows. */
function knownType(name: string, version: VersionRank): SchemaType {
  let type = dataType(name);
  while (type?.base && type.since > version) type = type.base;
  if (!type) throw new Error(`${name} is not in the schema`);
  return type;
}

function encodeScalar(name: string, type: string, value: VimValue): string {
  if (value instanceof Date) return value.toISOString().replace('Z', '000Z');
  if (typeof value === 'string') {
    const words = enumerationWords(type);
    if (words && !words.includes(value)) throw new Error(`${name}: ${value} is no ${type}`);
    if (!words && !isScalar(type)) throw new Error(`${name}: text where ${type} is due`);
    return escapeText(value);
  }
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return String(value);
  throw new Error(`${name}: no scalar`);
}

/** Almost all text needs no escaping, and inventories are large. */
function escapeText(text: string): string {
  return /^[\w .,:;/()[\]+=@#%*!?|~^-]*$/.test(text) ? text : escapeXml(text);
}
