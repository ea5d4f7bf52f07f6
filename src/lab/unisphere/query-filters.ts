import { malformed } from './messages.ts';
import { ownEntry } from './own-names.ts';

/** A text that is compared as the server spells it. */
interface ExactText {
  readonly exactly: string;
}

/** What a filter of a classic list looks at; a list matches when one of its members does. */
type FilterValue = string | number | boolean | undefined | ExactText | readonly string[];

export type FilterTable<Context, Item> = Readonly<Record<string, (context: Context, item: Item) => FilterValue>>;

const LIKE = '<like>';

const isComparison = (text: string): boolean => /^[<>]/.test(text) && !text.startsWith(LIKE);

/**
 * `name=value`, `name=<like>text`, `name=>1`, `name=<1` (Unisphere 10.0 OpenAPI). A repeated name widens for equality
 * and "contains" (not published: inferred) and narrows for comparisons (`cap_gb=>1&cap_gb=<4`). Names that are no
 * filter select nothing.
 */
export function passesFilters<Context, Item>(
  table: FilterTable<Context, Item>,
  context: Context,
  item: Item,
  query: URLSearchParams,
): boolean {
  for (const name of new Set(query.keys())) {
    const read = ownEntry(table, name);
    if (!read) continue;
    const value = read(context, item);
    const wanted = query.getAll(name);
    if (!wanted.filter(isComparison).every((text) => holds(value, text))) return false;
    const texts = wanted.filter((text) => !isComparison(text));
    if (texts.length > 0 && !texts.some((text) => matchesText(value, text))) return false;
  }
  return true;
}

function holds(value: FilterValue, text: string): boolean {
  const limit = Number(text.slice(1));
  if (text.length === 1 || !Number.isFinite(limit)) throw malformed(`The filter value ${text} is not a number`);
  if (typeof value !== 'number') return false;
  return text.startsWith('>') ? value > limit : value < limit;
}

/** Without case, as names are compared; identities are compared as they are spelled. */
function matchesText(value: FilterValue, wanted: string): boolean {
  if (value === undefined) return false;
  if (typeof value === 'number') return value === Number(wanted);
  if (typeof value !== 'object') return matchesSpelling(String(value).toLowerCase(), wanted.toLowerCase());
  return 'exactly' in value ? matchesSpelling(value.exactly, wanted) : value.some((item) => matchesText(item, wanted));
}

const matchesSpelling = (text: string, wanted: string): boolean =>
  wanted.startsWith(LIKE) ? text.includes(wanted.slice(LIKE.length)) : text === wanted;
