/** A value of LVM's text format, lvm.conf(5): what it writes in metadata is a subset of that. */
export type MetadataValue = number | string | readonly (number | string)[] | MetadataSection;
export type MetadataSection = ReadonlyMap<string, MetadataValue>;

/** Blanks and comments. */
const BLANKS = /\s*(?:#[^\n]*(?:\n|$)\s*)*/y;
/** A number, a name, a text in quotes, or a mark. Numbers first: a name may begin with a digit. */
const TOKEN = /(-?\d+)(?![\w.+-])|([\w.+-]+)|"([^"\\]*(?:\\[\s\S][^"\\]*)*)"|([{}[\]=,])/y;
/** Metadata have four levels. */
const MAX_DEPTH = 16;

interface Token {
  readonly kind: 'number' | 'name' | 'text' | 'mark';
  readonly text: string;
}

/** Undefined for anything that is not of the format from its first to its last character, or that names a thing twice. */
export function parseMetadataText(text: string): MetadataSection | undefined {
  const tokens = tokensOf(text);
  if (tokens === undefined) return undefined;
  try {
    return new Parser(tokens).document();
  } catch (error) {
    if (error instanceof Malformed) return undefined;
    throw error;
  }
}

class Malformed extends Error {}

function tokensOf(text: string): readonly Token[] | undefined {
  const tokens: Token[] = [];
  let at = 0;
  for (;;) {
    BLANKS.lastIndex = at;
    BLANKS.exec(text);
    if (BLANKS.lastIndex === text.length) return tokens;
    TOKEN.lastIndex = BLANKS.lastIndex;
    const match = TOKEN.exec(text);
    if (match === null) return undefined;
    at = TOKEN.lastIndex;
    const [, number, name, quoted, mark] = match;
    if (number !== undefined) tokens.push({ kind: 'number', text: number });
    else if (name !== undefined) tokens.push({ kind: 'name', text: name });
    else if (quoted !== undefined) tokens.push({ kind: 'text', text: quoted.replace(/\\([\s\S])/g, '$1') });
    else tokens.push({ kind: 'mark', text: mark ?? '' });
  }
}

class Parser {
  #at = 0;
  readonly #tokens: readonly Token[];

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  document(): MetadataSection {
    const section = this.#entries(0);
    if (this.#at !== this.#tokens.length) throw new Malformed();
    return section;
  }

  #entries(depth: number): MetadataSection {
    if (depth > MAX_DEPTH) throw new Malformed();
    const entries = new Map<string, MetadataValue>();
    for (let name = this.#nextName(); name !== undefined; name = this.#nextName()) {
      if (entries.has(name)) throw new Malformed();
      const mark = this.#take();
      if (isMark(mark, '{')) {
        entries.set(name, this.#entries(depth + 1));
        if (!isMark(this.#take(), '}')) throw new Malformed();
      } else if (isMark(mark, '=')) {
        entries.set(name, this.#value());
      } else {
        throw new Malformed();
      }
    }
    return entries;
  }

  /** A group may be called `42`. */
  #nextName(): string | undefined {
    const token = this.#tokens[this.#at];
    if (token?.kind !== 'name' && token?.kind !== 'number') return undefined;
    this.#at += 1;
    return token.text;
  }

  #value(): MetadataValue {
    const token = this.#take();
    return isMark(token, '[') ? this.#list() : plain(token);
  }

  #list(): readonly (number | string)[] {
    const items: (number | string)[] = [];
    if (isMark(this.#tokens[this.#at], ']')) {
      this.#at += 1;
      return items;
    }
    for (;;) {
      items.push(plain(this.#take()));
      const mark = this.#take();
      if (isMark(mark, ']')) return items;
      if (!isMark(mark, ',')) throw new Malformed();
    }
  }

  #take(): Token {
    const token = this.#tokens[this.#at];
    if (token === undefined) throw new Malformed();
    this.#at += 1;
    return token;
  }
}

const isMark = (token: Token | undefined, text: string): boolean => token?.kind === 'mark' && token.text === text;

function plain({ kind, text }: Token): number | string {
  if (kind === 'text') return text;
  if (kind === 'number' && Number.isSafeInteger(Number(text))) return Number(text);
  throw new Malformed();
}
