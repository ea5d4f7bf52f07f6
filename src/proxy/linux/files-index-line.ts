/** The first line of every index. */
export const INDEX_HEAD = 'snaphook files 1\n';

const KINDS = ['file', 'folder', 'link'] as const;

export interface IndexEntry {
  readonly kind: (typeof KINDS)[number];
  /** From the hand-over directory. Bytes: names need not be text. */
  readonly path: Buffer;
  /** Of a file; 0 of others. */
  readonly sizeBytes: number;
  readonly changedAtMs: number;
  /** Of a file the BLAKE2b-512 in hex, of a link where it leads to; of a folder empty. */
  readonly content: string | Buffer;
}

const NOTHING = '-';
const SLASH = 0x2f;

export function indexLine({ kind, path, sizeBytes, changedAtMs, content }: IndexEntry): string {
  const what = typeof content === 'string' ? content : escaped(content);
  return `${[kind, kind === 'file' ? sizeBytes : NOTHING, changedAtMs, what || NOTHING, escaped(path)].join('\t')}\n`;
}

/** Undefined: it is none, or names a path that leads up or is not as `indexLine` writes it. */
export function parseIndexLine(line: string): IndexEntry | undefined {
  const [kindWord, bytes = '', changed = '', what = '', pathWord = '', ...more] = line.split('\t');
  const kind = KINDS.find((one) => one === kindWord);
  const path = unescaped(pathWord);
  if (kind === undefined || !path || more.length > 0 || !leadsDown(path) || !/^-?\d{1,16}$/.test(changed))
    return undefined;
  const common = { path, changedAtMs: Number(changed) };
  switch (kind) {
    case 'file':
      return /^\d{1,16}$/.test(bytes) && /^[0-9a-f]{128}$/.test(what)
        ? { ...common, kind, sizeBytes: Number(bytes), content: what }
        : undefined;
    case 'folder':
      return bytes === NOTHING && what === NOTHING ? { ...common, kind, sizeBytes: 0, content: '' } : undefined;
    case 'link': {
      const target = unescaped(what);
      return bytes === NOTHING && target ? { ...common, kind, sizeBytes: 0, content: target } : undefined;
    }
  }
}

function leadsDown(path: Buffer): boolean {
  const names = path.toString('latin1').split('/');
  return !path.includes(0) && names.every((name) => name !== '' && name !== '.' && name !== '..');
}

/** Everything but what can be seen of ASCII, and the sign of escaping itself, as `%` and two digits. */
const escaped = (bytes: Buffer): string =>
  bytes.toString('latin1').replace(/[^!-~]|%/g, (byte) => `%${byte.charCodeAt(0).toString(16).padStart(2, '0')}`);

/** Undefined where it is not what `escaped` makes. */
function unescaped(word: string): Buffer | undefined {
  if (!/^(?:[!-$&-~]|%[0-9a-f]{2})+$/.test(word)) return undefined;
  const text = word.replace(/%(..)/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
  const bytes = Buffer.from(text, 'latin1');
  return escaped(bytes) === word ? bytes : undefined;
}

/** Below 0: `a` comes before `b` where a tree is walked, a folder before what is in it and all that before the next name. */
export const compareInTree = (a: Buffer, b: Buffer): number => Buffer.compare(dividedByZero(a), dividedByZero(b));

const dividedByZero = (path: Buffer): Buffer => Buffer.from(path.map((byte) => (byte === SLASH ? 0 : byte)));
