/** A redirection of a shell, such as `<in`, `>out`, `2>err` or `1<>in`. */
export interface Redirection {
  readonly descriptor: number;
  readonly operator: '<' | '>' | '<>';
  readonly path: string;
}

export interface SimpleCommand {
  readonly words: readonly string[];
  readonly redirections: readonly Redirection[];
}

const TOKEN =
  /\s*(?:(\d*)(<>|<|>)\s*((?:'[^']*'|[^\s'"\\|&;<>()$`*?[\]#~])+)|((?:'[^']*'|\\.|"[^"$`\\]*"|[^\s'"\\|&;<>()$`*?[\]#~])+))/y;

/** One command with its redirections, as bash reads the line; undefined when it is more than that. */
export function simpleCommand(line: string): SimpleCommand | undefined {
  const words: string[] = [];
  const redirections: Redirection[] = [];
  const text = line.trim();
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const found = TOKEN.exec(text);
    if (!found) return undefined;
    const [, descriptor = '', operator, path, word] = found;
    if (operator === '<' || operator === '>' || operator === '<>') {
      const number = descriptor === '' ? (operator === '>' ? 1 : 0) : Number(descriptor);
      redirections.push({ descriptor: number, operator, path: unquoted(path ?? '') });
    } else words.push(unquoted(word ?? ''));
  }
  return { words, redirections };
}

const unquoted = (word: string): string =>
  word.replace(/'([^']*)'|"([^"]*)"|\\(.)/g, (_, single, double, escaped) => single ?? double ?? escaped);
