import { malformed } from './messages.ts';
import { ownEntry } from './own-names.ts';

/** What an attribute of an enhanced list holds: a value, a list of values, or objects with values of their own. */
type Scalar = string | number | boolean | undefined;
export type Nested = Readonly<Record<string, unknown>>;
export type AttributeValue = Scalar | Nested | readonly Nested[];

export interface Attribute<Item> {
  readonly description: string;
  readonly read: (item: Item) => AttributeValue;
  /** `eq` and `ne` tell upper case from lower case. */
  readonly exactCase?: true;
}

export type AttributeTable<Item> = Readonly<Record<string, Attribute<Item>>>;

/** `select=id,storage_groups.id,snapshots.name`: a nested attribute without a second level shows the `id` of its objects. */
export function selectAttributes<Item>(table: AttributeTable<Item>, select: string | null): (item: Item) => Nested {
  const paths = new Map<string, Set<string>>([['id', new Set()]]);
  for (const path of (select ?? '').split(',').map((one) => one.trim())) {
    if (path === '') continue;
    const [name = '', ...rest] = path.split('.');
    if (!ownEntry(table, name)) throw malformed(`The attribute ${path} cannot be selected`);
    const below = paths.get(name) ?? new Set();
    if (rest.length > 0) below.add(rest.join('.'));
    paths.set(name, below);
  }
  return (item) => {
    const row: Record<string, unknown> = {};
    for (const [name, below] of paths) {
      const value = ownEntry(table, name)?.read(item);
      row[name] = isNested(value) ? pick(value, below) : value;
    }
    return row;
  };
}

const isNested = (value: AttributeValue): value is Nested | readonly Nested[] => typeof value === 'object';

function pick(value: Nested | readonly Nested[], below: ReadonlySet<string>): unknown {
  if (Array.isArray(value)) return value.map((one: Nested) => pick(one, below));
  const keys = below.size === 0 ? new Set(['id']) : below;
  const row: Record<string, unknown> = {};
  for (const path of keys) {
    const [name = '', ...rest] = path.split('.');
    // Arrays were handled above.
    const inner = ownEntry(value as Nested, name);
    if (rest.length === 0 && !(typeof inner === 'object' && inner !== null)) row[name] = inner;
    else if (typeof inner === 'object' && inner !== null)
      row[name] = pick(inner as Nested | readonly Nested[], new Set(rest.length > 0 ? [rest.join('.')] : []));
  }
  return row;
}

const OPERATORS = ['eq', 'ne', 'gt', 'ge', 'lt', 'le', 'like', 'ilike'] as const;
type Operator = (typeof OPERATORS)[number];

/** `<attribute> <operator> <value>`, several separated by commas or repeated; all must hold (inferred). */
export function parseFilters<Item>(
  table: AttributeTable<Item>,
  filters: readonly string[],
  nested: 'accepted' | 'refused',
): (item: Item) => boolean {
  const conditions = filters
    .flatMap((filter) => filter.split(','))
    .map((text) => text.trim())
    .filter((text) => text !== '')
    .map((text) => parseFilter(table, text, nested));
  return (item) => conditions.every((holds) => holds(item));
}

function parseFilter<Item>(
  table: AttributeTable<Item>,
  text: string,
  nested: 'accepted' | 'refused',
): (item: Item) => boolean {
  const [, path = '', word = '', wanted = ''] = /^(\S+)\s+(\S+)\s+(.*)$/.exec(text) ?? [];
  const operator = OPERATORS.find((one) => one === word.toLowerCase());
  const [name = '', ...rest] = path.split('.');
  const attribute = ownEntry(table, name);
  if (!attribute || !operator) throw malformed(`The filter ${text} is not valid`);
  if (rest.length > 0 && nested === 'refused') throw malformed(`The attribute ${path} cannot be filtered by`);
  const same = attribute.exactCase ? sameExactly : sameText;
  return (item) => valuesAt(attribute.read(item), rest).some((value) => compare(operator, value, wanted.trim(), same));
}

function valuesAt(value: unknown, path: readonly string[]): readonly Scalar[] {
  if (Array.isArray(value)) return value.flatMap((one) => valuesAt(one, path));
  if (typeof value === 'object' && value !== null) {
    const [name = 'id', ...rest] = path;
    return valuesAt(ownEntry(value as Nested, name), rest);
  }
  return [value as Scalar];
}

function compare(operator: Operator, value: Scalar, wanted: string, same: typeof sameText): boolean {
  if (value === undefined) return operator === 'ne';
  const isNumber = typeof value === 'number';
  const order = isNumber ? value - Number(wanted) : String(value) < wanted ? -1 : Number(String(value) > wanted);
  switch (operator) {
    case 'eq':
      return isNumber ? order === 0 : same(value, wanted);
    case 'ne':
      return isNumber ? order !== 0 : !same(value, wanted);
    case 'gt':
      return order > 0;
    case 'ge':
      return order >= 0;
    case 'lt':
      return order < 0;
    case 'le':
      return order <= 0;
    case 'like':
      return String(value).includes(wanted);
    case 'ilike':
      return String(value).toLowerCase().includes(wanted.toLowerCase());
  }
}

const sameText = (value: Scalar, wanted: string): boolean => String(value).toLowerCase() === wanted.toLowerCase();
const sameExactly: typeof sameText = (value, wanted) => value === wanted;

/** `order=cap_cyl desc,id`; without it by id. */
export function orderItems<Item>(
  table: AttributeTable<Item>,
  items: readonly Item[],
  order: string | null,
): readonly Item[] {
  const keys = (order ?? 'id').split(',').map((text) => {
    const [name = '', direction = 'asc'] = text.trim().split(/\s+/);
    const attribute = ownEntry(table, name);
    if (!attribute) throw malformed(`The attribute ${name} cannot be ordered by`);
    return { attribute, sign: direction.toLowerCase() === 'desc' ? -1 : 1 };
  });
  return [...items].sort((one, other) => {
    for (const { attribute, sign } of keys) {
      const [left, right] = [attribute.read(one), attribute.read(other)];
      if (left === right) continue;
      if (typeof left === 'number' && typeof right === 'number') return sign * (left - right);
      const byText = String(left) < String(right) ? -1 : Number(String(left) > String(right));
      if (byText !== 0) return sign * byText;
    }
    return 0;
  });
}
