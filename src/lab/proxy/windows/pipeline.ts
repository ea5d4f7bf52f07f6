/** A value in an argument. */
export type Argument = string | number | boolean;

/** `stored`: as the provider keeps it. `joined`: several of them, with bars between. `shown`: as the shell shows it. */
export interface Column {
  readonly name: string;
  readonly form: 'stored' | 'joined' | 'shown';
  readonly property: string;
}

/** A link `name` in the folder, made by mklink. */
export interface LinkPipeline {
  readonly kind: 'link';
  readonly folder: string;
  readonly name: string;
  /** As mklink is told. */
  readonly target: string;
}

export type Pipeline =
  | { readonly kind: 'is-elevated' }
  | LinkPipeline
  | {
      readonly kind: 'cmdlet';
      readonly name: string;
      readonly parameters: ReadonlyMap<string, Argument>;
      readonly columns: readonly Column[] | undefined;
      /** No more rows than this; undefined: all. */
      readonly first: number | undefined;
    };

const ELEVATED =
  '[string] ([Security.Principal.WindowsPrincipal][Security.Principal.WindowsIdentity]::GetCurrent()).IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)';

const QUOTED = "'(?:[^'‘’‚‛]|'')*'";
const PART = `(?:${QUOTED}|\\[char\\]0x[0-9a-f]{1,4})`;
const VALUE = new RegExp(`(?:\\(${QUOTED}(?: \\+ ${PART})*\\)|${QUOTED}|\\d+|\\$true|\\$false)`, 'y');
/** cmd.exe reads what comes behind `/c`: nothing that it or PowerShell takes for more than letters may stand there. */
const LINK = new RegExp(
  `^Push-Location -LiteralPath (${VALUE.source}); try \\{ & "\\$env:SystemRoot\\\\System32\\\\cmd\\.exe" /d /c mklink /d (\\w+) '(\\\\\\\\\\?\\\\GLOBALROOT\\\\Device\\\\\\w+\\\\?)' \\| Out-Null; if \\(\\$LASTEXITCODE -ne 0\\) \\{ throw \\('mklink ended with ' \\+ \\$LASTEXITCODE\\) \\} \\} finally \\{ Pop-Location \\}$`,
);
const COLUMN =
  /@\{n='(\w+)';e=\{(?:\[string\]\$_\.CimInstanceProperties\['(\w+)'\]\.Value|\$_\.CimInstanceProperties\['(\w+)'\]\.Value -join '\|'|\[string\]\$_\.(\w+))\}\}(,|$)/y;

/**
 * Reads one pipeline of PowerShell: a cmdlet with named arguments, and perhaps Select-Object with calculated properties. A small part of
 * the language; whatever else is valid there is refused here. Undefined: refused.
 */
export function readPipeline(text: string): Pipeline | undefined {
  if (!/^[ -~]*$/.test(text)) return undefined;
  if (text === ELEVATED) return { kind: 'is-elevated' };
  const [, folder, linkName, target] = LINK.exec(text) ?? [];
  if (folder !== undefined && linkName !== undefined && target !== undefined)
    return { kind: 'link', folder: String(argumentOf(folder)), name: linkName, target };
  const name = /^[A-Z][a-z]+-[A-Za-z]+/.exec(text)?.[0];
  if (name === undefined) return undefined;
  const parameters = new Map<string, Argument>();
  let at = name.length;
  for (;;) {
    const found = / -(\w+) /y;
    found.lastIndex = at;
    const parameter = found.exec(text)?.[1];
    if (parameter === undefined) break;
    VALUE.lastIndex = found.lastIndex;
    const value = VALUE.exec(text)?.[0];
    if (value === undefined || parameters.has(parameter.toLowerCase())) return undefined;
    parameters.set(parameter.toLowerCase(), argumentOf(value));
    at = VALUE.lastIndex;
  }
  const rest = text.slice(at);
  if (rest === '') return { kind: 'cmdlet', name, parameters, columns: undefined, first: undefined };
  const [, first, selected] = /^ \| Select-Object (?:-First (\d+) )?-Property (.*)$/.exec(rest) ?? [];
  const columns = selected === undefined ? undefined : readColumns(selected);
  return (
    columns && { kind: 'cmdlet', name, parameters, columns, first: first === undefined ? undefined : Number(first) }
  );
}

function argumentOf(text: string): Argument {
  if (text === '$true' || text === '$false') return text === '$true';
  if (/^\d+$/.test(text)) return Number(text);
  const parts = text.match(new RegExp(PART, 'g')) ?? [];
  return parts
    .map((part) =>
      part.startsWith("'") ? part.slice(1, -1).replaceAll("''", "'") : String.fromCharCode(Number(part.slice(6))),
    )
    .join('');
}

function readColumns(text: string): readonly Column[] | undefined {
  const columns: Column[] = [];
  COLUMN.lastIndex = 0;
  for (let at = 0; at < text.length; at = COLUMN.lastIndex) {
    COLUMN.lastIndex = at;
    const [, name = '', stored, joined, shown] = COLUMN.exec(text) ?? [];
    const form = stored !== undefined ? 'stored' : joined !== undefined ? 'joined' : 'shown';
    const property = stored ?? joined ?? shown;
    if (property === undefined) return undefined;
    columns.push({ name, form, property });
  }
  return columns;
}
