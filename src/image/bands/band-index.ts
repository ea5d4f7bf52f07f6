import type { BandOwner, BandRun, TrackedPoint } from '../../ports/bands.ts';
import { type ContentHash, MOST_LEAF_BYTES } from '../../ports/images.ts';
import { type BandShape, bandAt, bandCount, bandPath } from './band-layout.ts';

export interface BandEntry {
  /** Of the file, in milliseconds since 1970: one that shows another was changed by somebody. */
  readonly mtimeMs: number;
  /** BLAKE2b-512 of the file in hex. */
  readonly blake2b: string;
}

/** What a folder of bands holds. */
export interface BandIndex extends BandShape {
  readonly run: BandRun;
  /** Run whose bands these replaced: what `changed.list` compares with. Undefined: there were none, or none with an index. */
  readonly previousRun: string | undefined;
  /** Where the hypervisor's tracking of changes stood in the run's snapshot. Undefined: it tells nothing since then. */
  readonly point: TrackedPoint | undefined;
  /** Of the logical content; its leaves are the bands, those of zeros included. */
  readonly contentHash: ContentHash;
  /** Bands that are not there hold zeros. */
  readonly bands: ReadonlyMap<number, BandEntry>;
}

/** What is about to happen to the staged bands of several folders at once. */
export interface BandCommit {
  readonly owner: BandOwner;
  readonly run: BandRun;
  /** Relative to the hand-over directory. */
  readonly folders: readonly string[];
}

export function indexText({ run, previousRun, point, sizeBytes, bandBytes, contentHash, bands }: BandIndex): string {
  const head = { schema: 'snaphook/bands', version: 1, run, previousRun, point, sizeBytes, bandBytes, contentHash };
  const lines = [...bands].map(([band, entry]) => JSON.stringify({ path: bandPath(band), ...entry }));
  // A line each: to be read by people, and by programs that compare lines.
  return `${JSON.stringify(head).slice(0, -1)},"bands":[\n${lines.join(',\n')}\n]}\n`;
}

/** Undefined for a text that is none. */
export function parseIndex(text: string): BandIndex | undefined {
  const fields = fieldsOf(parseJson(text));
  const { schema, version, run, previousRun, point, sizeBytes, bandBytes, contentHash, bands } = fields;
  const parsedRun = parseRun(run);
  if (schema !== 'snaphook/bands' || version !== 1 || !parsedRun || !Array.isArray(bands)) return undefined;
  if (!isSize(sizeBytes) || !isBandLength(bandBytes)) return undefined;
  const { algorithm, leafBytes, value } = fieldsOf(contentHash);
  if (algorithm !== 'blake2b-512-tree' || leafBytes !== bandBytes || !isBlake2b(value)) return undefined;
  if (previousRun !== undefined && typeof previousRun !== 'string') return undefined;
  const shape = { sizeBytes, bandBytes };
  const entries = new Map<number, BandEntry>();
  for (const one of bands) {
    const { path, mtimeMs, blake2b: hash } = fieldsOf(one);
    const band = typeof path === 'string' ? bandAt(path) : undefined;
    if (band === undefined || band >= bandCount(shape) || entries.has(band)) return undefined;
    if (typeof mtimeMs !== 'number' || !isBlake2b(hash)) return undefined;
    entries.set(band, { mtimeMs, blake2b: hash });
  }
  return {
    run: parsedRun,
    previousRun,
    point: parsePoint(point),
    ...shape,
    contentHash: { algorithm, leafBytes, value },
    bands: entries,
  };
}

export const ownerText = ({ installation, job }: BandOwner): string =>
  `${JSON.stringify({ schema: 'snaphook/bands-owner', version: 1, installation, job }, undefined, 2)}\n`;

/** Undefined for a text that is none. */
export function parseOwner(text: string): BandOwner | undefined {
  const { schema, version, installation, job } = fieldsOf(parseJson(text));
  return schema === 'snaphook/bands-owner' &&
    version === 1 &&
    typeof installation === 'string' &&
    typeof job === 'string'
    ? { installation, job }
    : undefined;
}

export const isSameOwner = (one: BandOwner, other: BandOwner): boolean =>
  one.installation === other.installation && one.job === other.job;

export const commitText = ({ owner, run, folders }: BandCommit): string =>
  `${JSON.stringify({ schema: 'snaphook/bands-commit', version: 1, owner, run, folders }, undefined, 2)}\n`;

/** Undefined for a text that is none. */
export function parseCommit(text: string): BandCommit | undefined {
  const { schema, version, owner, run, folders } = fieldsOf(parseJson(text));
  const { installation, job } = fieldsOf(owner);
  const parsedRun = parseRun(run);
  if (schema !== 'snaphook/bands-commit' || version !== 1 || !parsedRun) return undefined;
  if (typeof installation !== 'string' || typeof job !== 'string' || !isTexts(folders)) return undefined;
  return { owner: { installation, job }, run: parsedRun, folders };
}

function parseRun(run: unknown): BandRun | undefined {
  const { id, snapshot } = fieldsOf(run);
  return typeof id === 'string' && typeof snapshot === 'string' ? { id, snapshot } : undefined;
}

/** One that cannot be read is none: everything is read then. */
function parsePoint(point: unknown): TrackedPoint | undefined {
  const { disk, changeId } = fieldsOf(point);
  return typeof disk === 'string' && typeof changeId === 'string' ? { disk, changeId } : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};
const isTexts = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((one) => typeof one === 'string');
const isSize = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
/** Of file systems. Each band costs a file and a turn: a length of one byte would make billions of them out of one number. */
const BLOCK_BYTES = 4096;
const isBandLength = (value: unknown): value is number =>
  isSize(value) && value > 0 && value <= MOST_LEAF_BYTES && value % BLOCK_BYTES === 0;
const isBlake2b = (value: unknown): value is string => typeof value === 'string' && /^[0-9a-f]{128}$/.test(value);
