import { attributeOf, type XmlElement } from '../../../platform/xml.ts';
import type { Property, TypeRef } from '../schema/notation.ts';
import { dataType, enumerationWords, isScalar, isSubtype, managedType, type SchemaType } from '../schema/schema.ts';
import type { VersionRank } from '../schema/versions.ts';
import { decodeScalar } from './decode-scalar.ts';
import { invalidRequest, type VimFault } from './vim-fault.ts';
import { anyOf, type DataObject, data, type Reference, reference, type VimValue } from './vim-values.ts';

const VIM_NAMESPACE = 'urn:vim25';
const XSI_NAMESPACE = 'http://www.w3.org/2001/XMLSchema-instance';

/** What was wrong and, line by line, where the parser was, as the server reports it. */
class ParseTrace extends Error {
  at(where: string): ParseTrace {
    return new ParseTrace(`${this.message}\n\n${where}`);
  }

  toFault(): VimFault {
    return invalidRequest(this.message);
  }
}

/**
 * Reads the arguments of an operation (`_this` excluded) with a cursor that only moves forward over the declared
 * list, so that a late, unknown, repeated or missing element is refused the way vpxd refuses it.
 */
export function decodeArguments(
  operation: string,
  elements: readonly XmlElement[],
  parameters: readonly Property[],
  version: VersionRank,
): Readonly<Record<string, VimValue | undefined>> {
  return tracing(`while parsing call information for method ${operation}`, () =>
    decodeSequence(elements, parameters, version, {
      unexpected: (tag) =>
        `Unexpected element tag "${tag}" seen while parsing call information for method ${operation}`,
      missing: (name) => `Missing value for parameter ${name} of method ${operation}`,
    }),
  );
}

/** Reads `_this` or any other reference; the type must be known and a subtype of `ofType`. */
export function decodeReceiver(element: XmlElement, operation: string): Reference {
  return tracing(`while parsing call information for method ${operation}`, () =>
    decodeReference(element, 'ManagedObject'),
  );
}

function tracing<T>(where: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof ParseTrace) {
      throw error.at(where).at('while parsing SOAP body').at('while parsing SOAP envelope').toFault();
    }
    throw error;
  }
}

interface SequenceMessages {
  unexpected(tag: string): string;
  missing(name: string): string;
}

function decodeSequence(
  elements: readonly XmlElement[],
  declared: readonly Property[],
  version: VersionRank,
  messages: SequenceMessages,
): Readonly<Record<string, VimValue | undefined>> {
  const known = declared.filter((property) => property.since <= version);
  const single = new Map<string, VimValue>();
  const arrays = new Map<string, VimValue[]>();
  let cursor = 0;
  for (const element of elements) {
    const index = known.findIndex((property, place) => place >= cursor && property.name === element.name);
    const property = known[index];
    if (!property || element.namespace !== VIM_NAMESPACE) throw new ParseTrace(messages.unexpected(element.name));
    const value = decodeProperty(element, property, version);
    if (property.type.array) {
      cursor = index;
      arrays.set(property.name, [...(arrays.get(property.name) ?? []), value]);
    } else {
      cursor = index + 1;
      single.set(property.name, value);
    }
  }
  for (const property of known) {
    if (!property.optional && !single.has(property.name) && !arrays.has(property.name)) {
      throw new ParseTrace(messages.missing(property.name));
    }
  }
  return Object.fromEntries([...single, ...arrays]);
}

function decodeProperty(element: XmlElement, property: Property, version: VersionRank): VimValue {
  try {
    return decodeValue(element, { ...property.type, array: false }, version);
  } catch (error) {
    if (!(error instanceof ParseTrace)) throw error;
    throw error.at(`while parsing property "${property.name}" of static type ${staticName(property.type)}`);
  }
}

function staticName(type: TypeRef): string {
  return type.array ? `ArrayOf${type.name.charAt(0).toUpperCase()}${type.name.slice(1)}` : type.name;
}

function decodeValue(element: XmlElement, type: TypeRef, version: VersionRank): VimValue {
  if (type.reference) return decodeReference(element, type.name);
  if (type.name === 'anyType') return decodeAny(element, version);
  const xsiType = xsiTypeOf(element);
  if (isScalar(type.name)) return scalar(element, type.name);
  const words = enumerationWords(type.name);
  if (words) {
    if (!words.includes(element.text.trim())) throw new ParseTrace(`Invalid value "${element.text}" for ${type.name}`);
    return element.text.trim();
  }
  const declared = dataType(type.name);
  if (!declared) throw new ParseTrace(`Type ${type.name} is not supported`);
  const actual = xsiType === undefined ? declared : dataType(xsiType);
  if (!actual || actual.since > version || !isSubtype(actual, declared.name)) {
    throw new ParseTrace(`Error processing attribute "type" with value "${xsiType ?? type.name}"`);
  }
  return decodeData(element, actual, version);
}

function decodeData(element: XmlElement, type: SchemaType, version: VersionRank): DataObject {
  try {
    const fields = decodeSequence(element.children, type.ordered, version, {
      unexpected: (tag) =>
        `Unexpected element tag "${tag}" seen while parsing serialized DataObject of type ${type.vmodlName}`,
      missing: (name) => `Required property ${name} is missing from data object of type ${type.name}`,
    });
    return data(type.name, fields);
  } catch (error) {
    if (!(error instanceof ParseTrace)) throw error;
    throw error.at(`while parsing serialized DataObject of type ${type.vmodlName}`);
  }
}

function decodeReference(element: XmlElement, ofType: string): Reference {
  const typeName = attributeOf(element, 'type', '');
  if (typeName === undefined)
    throw new ParseTrace(`Attribute "type" is missing from the reference in "${element.name}"`);
  const type = managedType(typeName);
  if (!type || !isSubtype(type, ofType)) {
    throw new ParseTrace(`Error processing attribute "type" with value "${typeName}"`).at(
      `while parsing MoRef for ManagedObject of type ${managedType(ofType)?.vmodlName ?? ofType}`,
    );
  }
  if (element.children.length > 0 || element.text.trim() === '') {
    throw new ParseTrace(`The reference in "${element.name}" holds no object id`);
  }
  return reference(typeName, element.text.trim());
}

function decodeAny(element: XmlElement, version: VersionRank): VimValue {
  const name = xsiTypeOf(element);
  if (name === undefined) throw new ParseTrace(`Attribute "xsi:type" is missing from "${element.name}"`);
  if (name.startsWith('ArrayOf')) {
    const item = element.children[0]?.name ?? 'string';
    const type: TypeRef = { name: item, array: false, reference: item === 'ManagedObjectReference' };
    const items = element.children.map((child) =>
      type.reference ? decodeReference(child, 'ManagedObject') : decodeValue(child, type, version),
    );
    return anyOf({ ...type, array: true }, items);
  }
  if (name === 'ManagedObjectReference') {
    return anyOf({ name: 'ManagedObject', array: false, reference: true }, decodeReference(element, 'ManagedObject'));
  }
  const type: TypeRef = { name, array: false, reference: false };
  return anyOf(type, decodeValue(element, type, version));
}

/** The type's local name: a prefix is the sender's choice. */
function xsiTypeOf(element: XmlElement): string | undefined {
  return attributeOf(element, 'type', XSI_NAMESPACE)?.replace(/^.*:/, '');
}

function scalar(element: XmlElement, type: string): VimValue {
  const value = element.children.length > 0 ? undefined : decodeScalar(type, element.text);
  if (value === undefined) throw new ParseTrace(`Invalid value "${element.text}" for type xsd:${type}`);
  return value;
}
