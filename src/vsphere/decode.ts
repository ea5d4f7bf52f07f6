/**
 * Narrow readers over what the `soap` package makes of untyped XML: an element with attributes or children is an object
 * (`attributes`, `$value`, one key a child name), a lone text is a string, an empty element is null, and repeated
 * children are an array only when there are two or more. Nothing outside this file knows these shapes.
 * Every reader answers undefined for what is not there; none tests for truth, so `0`, `false` and `` survive.
 */

/** A managed object as vim25 refers to it: its type and id. */
export interface VimRef {
  readonly type: string;
  readonly id: string;
}

type Fields = Readonly<Record<string, unknown>>;

const ATTRIBUTES = 'attributes';
const VALUE = '$value';

function fieldsOf(node: unknown): Fields | undefined {
  // An object that is no array has string keys: reading any of them as unknown is always true.
  return typeof node === 'object' && node !== null && !Array.isArray(node) ? (node as Fields) : undefined;
}

/** The child element of that name; undefined when absent. Of several the first. */
export function child(node: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>((current, name) => {
    const fields = fieldsOf(current);
    if (fields === undefined || !Object.hasOwn(fields, name)) return undefined;
    const found = fields[name];
    return Array.isArray(found) ? found[0] : found;
  }, node);
}

/** Every child element of that name: an array for none, one or many. */
export function children(node: unknown, name: string): readonly unknown[] {
  const fields = fieldsOf(node);
  if (fields === undefined || !Object.hasOwn(fields, name)) return [];
  return asArray(fields[name]);
}

function asArray(value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}

/** Names of the child elements, in the order they first came. */
export function childNames(node: unknown): readonly string[] {
  const fields = fieldsOf(node);
  return fields === undefined ? [] : Object.keys(fields).filter((key) => key !== ATTRIBUTES && key !== VALUE);
}

/** The items of an `ArrayOf…` value. Their element name is the item type or, for scalars, `string`, `int`, …: there is only one. */
export function arrayItems(node: unknown): readonly unknown[] {
  const [name] = childNames(node);
  return name === undefined ? [] : children(node, name);
}

/** Local name of the element's `xsi:type`. The prefix of the attribute is the sender's choice, so its suffix decides. */
export function typeOf(node: unknown): string | undefined {
  const attributes = fieldsOf(fieldsOf(node)?.[ATTRIBUTES]);
  if (attributes === undefined) return undefined;
  const key = Object.keys(attributes).find((name) => name.endsWith(':type'));
  const value = key === undefined ? undefined : attributes[key];
  return typeof value === 'string' ? value.slice(value.indexOf(':') + 1) : undefined;
}

/** The element's text; an element that is there but empty has the text ``. Undefined for an absent one or one with children. */
export function text(node: unknown): string | undefined {
  if (typeof node === 'string') return node;
  if (node === null) return '';
  const fields = fieldsOf(node);
  if (fields === undefined) return undefined;
  const value = fields[VALUE];
  if (typeof value === 'string') return value;
  return value === undefined && Object.hasOwn(fields, ATTRIBUTES) && childNames(node).length === 0 ? '' : undefined;
}

export function boolean(node: unknown): boolean | undefined {
  const value = text(node);
  if (value === 'true' || value === '1') return true;
  if (value === 'false' || value === '0') return false;
  return undefined;
}

/** A 64-bit integer without loss: byte counts, and WWNs, which are beyond what a number holds. */
export function int64(node: unknown): bigint | undefined {
  const value = text(node)?.trim();
  return value !== undefined && /^[+-]?\d{1,20}$/.test(value) ? BigInt(value) : undefined;
}

/** An integer as a number; undefined also for one a number cannot hold exactly. */
export function integer(node: unknown): number | undefined {
  const value = int64(node);
  if (value === undefined) return undefined;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : undefined;
}

/** An `xsd:dateTime`; fractions beyond milliseconds are cut off. */
export function dateTime(node: unknown): Date | undefined {
  const value = text(node);
  if (value === undefined || !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/.test(value)) return undefined;
  const date = new Date(value.replace(/(\.\d{3})\d+/, '$1'));
  return Number.isNaN(date.getTime()) ? undefined : date;
}

/** A `ManagedObjectReference`: the id is its text, the type its unprefixed `type` attribute. */
export function ref(node: unknown): VimRef | undefined {
  const id = text(node);
  const type = fieldsOf(fieldsOf(node)?.[ATTRIBUTES])?.type;
  return id !== undefined && id !== '' && typeof type === 'string' ? { type, id } : undefined;
}
