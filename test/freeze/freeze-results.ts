import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** Beyond its lease nothing may stand still for longer than this. */
export const ALLOWED_OVERRUN_MS = 1000;
/** As many real freezes count as a proof. */
export const LEAST_CYCLES = 1000;

/** What the kill loop measures, with what it needs to be judged later. */
export interface FreezeResults {
  /** Freezes that ended without being asked, with somebody left who thawed. */
  readonly realFreezeCycles: number;
  /** The longest that a write stood still beyond the lease of its cycle. */
  readonly worstOverrunMs: number;
  readonly frozenAtEnd: number;
  /** The loop came to its end, and the file systems were sound after it. */
  readonly complete: boolean;
  /** Of the helper's sources: figures of another helper say nothing about this one. */
  readonly helper: string;
}

/** A hash over the helper's sources, below the root of the project. */
export function hashOfHelper(root: string): string {
  const folder = path.join(root, 'guest/linux');
  const hash = createHash('sha256');
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => path.join(parentPath, name));
  for (const file of files.sort()) hash.update(`${path.relative(folder, file)}\0`).update(readFileSync(file));
  return hash.digest('hex');
}

const fileIn = (root: string): string => path.join(root, 'build/freeze-results.json');

export function writeFreezeResults(root: string, results: FreezeResults): void {
  mkdirSync(path.dirname(fileIn(root)), { recursive: true });
  writeFileSync(fileIn(root), `${JSON.stringify(results, null, 2)}\n`);
}

/** Undefined: there are none. @throws when the file holds something else. */
export function readFreezeResults(root: string): FreezeResults | undefined {
  const file = fileIn(root);
  if (!existsSync(file)) return undefined;
  const results: unknown = JSON.parse(readFileSync(file, 'utf8'));
  if (!areResults(results)) throw new Error(`"${file}" does not hold what npm run test:freeze writes`);
  return results;
}

function areResults(value: unknown): value is FreezeResults {
  if (typeof value !== 'object' || value === null) return false;
  const fields = new Map(Object.entries(value));
  return (
    ['realFreezeCycles', 'worstOverrunMs', 'frozenAtEnd'].every((name) => typeof fields.get(name) === 'number') &&
    typeof fields.get('complete') === 'boolean' &&
    typeof fields.get('helper') === 'string'
  );
}
