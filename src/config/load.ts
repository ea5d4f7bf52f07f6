import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { type Document, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import { SnaphookError } from '../ports/errors.ts';
import { type Config, configSchema } from './schema.ts';
import { suggestKey } from './suggest.ts';

/**
 * Reads one YAML file and, in the order of their names, the jobs of `conf.d/*.yaml` beside it.
 * Errors: `E_CONFIG` with file, line, the offending key, and the nearest known key as a suggestion.
 */
export function loadConfig(file: string): Config {
  const main = parseFile(file);
  const jobs: Record<string, unknown> = { ...asRecord(main.value.jobs) };
  const sources = [main];
  for (const extra of extraFiles(file)) {
    const parsed = parseFile(extra);
    for (const key of Object.keys(parsed.value)) {
      if (key !== 'jobs') throw problem(extra, parsed.lineOf([key]), `only "jobs" may stand here, not "${key}"`);
    }
    for (const [name, job] of Object.entries(asRecord(parsed.value.jobs))) {
      if (name in jobs) throw problem(extra, parsed.lineOf(['jobs', name]), `job "${name}" is already defined`);
      jobs[name] = job;
    }
    sources.push(parsed);
  }
  const checked = configSchema.safeParse({ ...main.value, jobs });
  if (checked.success) return checked.data;
  // A mistyped key also makes the right one missing; the typo is what to say.
  const issue = checked.error.issues.find(({ code }) => code === 'unrecognized_keys') ?? checked.error.issues[0];
  if (!issue) throw problem(file, undefined, 'unreadable');
  const at = issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
  const unknownKey = issue.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
  const keyPath = unknownKey === undefined ? at : [...at, unknownKey];
  const source = sources.find((candidate) => candidate.lineOf(keyPath) !== undefined) ?? main;
  const where = keyPath.join('.');
  if (unknownKey !== undefined) {
    const nearest = suggestKey(at, unknownKey);
    const hint =
      nearest === undefined ? 'See `snaphook config schema` for the known keys.' : `Did you mean "${nearest}"?`;
    throw problem(source.file, source.lineOf(keyPath), `unknown key "${where}"`, hint);
  }
  throw problem(source.file, source.lineOf(keyPath), `"${where}": ${lowerFirst(issue.message)}`);
}

interface ParsedFile {
  readonly file: string;
  readonly value: Readonly<Record<string, unknown>>;
  /** Line of a key or of its nearest existing parent; undefined when not even the first part exists. */
  lineOf(keyPath: readonly (string | number)[]): number | undefined;
}

function parseFile(file: string): ParsedFile {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new SnaphookError('E_CONFIG', `configuration "${file}" cannot be read`, {
      cause,
      hint: 'Name the file with --config or SNAPHOOK_CONFIG; README.md shows a complete one.',
    });
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, strict: true, uniqueKeys: true });
  const [error] = document.errors;
  if (error)
    throw problem(file, lines.linePos(error.pos[0]).line, lowerFirst(error.message.split('\n')[0] ?? 'not YAML'));
  const value: unknown = document.toJS();
  if (!isRecord(value)) throw problem(file, 1, 'the file must hold keys and values');
  return {
    file,
    value,
    lineOf(keyPath) {
      for (let length = keyPath.length; length > 0; length -= 1) {
        const start = startOf(document, keyPath.slice(0, length));
        if (start !== undefined) return lines.linePos(start).line;
      }
      return undefined;
    },
  };
}

/** Where a key begins (an entry of a list: where its value begins). */
function startOf(document: Document, keyPath: readonly (string | number)[]): number | undefined {
  const parent: unknown = keyPath.length === 1 ? document.contents : document.getIn(keyPath.slice(0, -1), true);
  const last = keyPath.at(-1);
  if (isMap(parent)) {
    const pair = parent.items.find(({ key }) => isScalar(key) && String(key.value) === String(last));
    return isScalar(pair?.key) ? pair.key.range?.[0] : undefined;
  }
  if (isSeq(parent) && typeof last === 'number') {
    const item: unknown = parent.items[last];
    return isNode(item) ? item.range?.[0] : undefined;
  }
  return undefined;
}

function extraFiles(file: string): readonly string[] {
  const folder = path.join(path.dirname(file), 'conf.d');
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith('.yaml') || name.endsWith('.yml'))
    .sort()
    .map((name) => path.join(folder, name));
}

function problem(file: string, line: number | undefined, what: string, hint?: string): SnaphookError {
  const where = line === undefined ? file : `${file}:${line}`;
  return new SnaphookError('E_CONFIG', `${where}: ${what}`, {
    hint: hint ?? 'Correct the file, then run `snaphook config check`.',
  });
}

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);
const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
const asRecord = (value: unknown): Record<string, unknown> => (isRecord(value) ? value : {});
