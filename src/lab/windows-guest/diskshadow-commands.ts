/** A command of diskshadow's language, as its documentation has it; `undefined` stands for whatever else there is, or is not. */
export type DiskshadowCommand =
  | {
      readonly verb: 'set';
      readonly what: 'context' | 'option' | 'metadata' | 'verbose';
      readonly values: readonly string[];
    }
  | { readonly verb: 'begin-backup' | 'end-backup' | 'create' | 'reset' | 'exit' | 'list-providers' | 'list-writers' }
  | {
      readonly verb: 'add';
      readonly volume: string;
      readonly alias: string | undefined;
      readonly provider: string | undefined;
    }
  | { readonly verb: 'writer'; readonly what: 'verify' | 'exclude'; readonly writer: string }
  | { readonly verb: 'list' | 'delete'; readonly which: ShadowSelection }
  | { readonly verb: 'expose'; readonly shadow: string; readonly place: string }
  | { readonly verb: 'unexpose'; readonly shadow: string }
  | { readonly verb: 'exec'; readonly file: string };

export type ShadowSelection =
  | { readonly by: 'all' }
  | { readonly by: 'set' | 'id' | 'volume' | 'oldest' | 'exposed'; readonly value: string };

/** Reads one line. Case does not count; names with blanks stand in quotes; `%NAME%` is a variable and is replaced before. */
export function readCommand(line: string): DiskshadowCommand | undefined {
  const words = (line.match(/"[^"]*"|\S+/g) ?? []).map((word) => word.replaceAll('"', ''));
  const [first = '', second = '', third = '', fourth = ''] = words;
  const [verb, what] = [first.toLowerCase(), second.toLowerCase()];
  switch (verb) {
    case 'set':
      if (what === 'context' || what === 'option' || what === 'metadata' || what === 'verbose')
        return { verb, what, values: words.slice(2) };
      return undefined;
    case 'begin':
    case 'end':
      return what === 'backup' && words.length === 2 ? { verb: `${verb}-backup` } : undefined;
    case 'create':
    case 'reset':
    case 'exit':
      return words.length === 1 ? { verb } : undefined;
    case 'add': {
      if (what !== 'volume' || third === '') return undefined;
      const options = new Map<string, string>();
      for (let at = 3; at < words.length; at += 2) options.set((words[at] ?? '').toLowerCase(), words[at + 1] ?? '');
      const known = [...options.keys()].every((name) => name === 'alias' || name === 'provider');
      return known
        ? { verb, volume: third, alias: options.get('alias'), provider: options.get('provider') }
        : undefined;
    }
    case 'writer':
      return (what === 'verify' || what === 'exclude') && third !== '' ? { verb, what, writer: third } : undefined;
    case 'list':
      if (what === 'providers' || what === 'writers') return { verb: `list-${what}` };
      return what === 'shadows' ? selected('list', third, fourth) : undefined;
    case 'delete':
      return what === 'shadows' ? selected('delete', third, fourth) : undefined;
    case 'expose':
      return third === '' ? undefined : { verb, shadow: second, place: third };
    case 'unexpose':
      return second === '' ? undefined : { verb, shadow: second };
    case 'exec':
      return second === '' ? undefined : { verb, file: second };
    default:
      return undefined;
  }
}

function selected(verb: 'list' | 'delete', word: string, value: string): DiskshadowCommand | undefined {
  const by = word.toLowerCase();
  if (by === 'all' && value === '') return { verb, which: { by } };
  if (value === '') return undefined;
  if (by === 'set' || by === 'id') return { verb, which: { by, value } };
  if (verb === 'delete' && (by === 'volume' || by === 'oldest' || by === 'exposed'))
    return { verb, which: { by, value } };
  return undefined;
}
