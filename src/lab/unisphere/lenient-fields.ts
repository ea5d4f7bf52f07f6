import { malformed } from './messages.ts';

/** A JSON object of a request, read as leniently as Unisphere does: `"true"`, `"True"` and `"0"` are as good as `true` and `0`. */
export type Fields = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The request body; an empty one is an empty object. */
export function parseBody(body: Buffer): Fields {
  if (body.length === 0) return {};
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch {
    throw malformed('The request body is not valid JSON');
  }
  if (!isObject(value)) throw malformed('The request body is not a JSON object');
  return value;
}

export function blockOf(fields: Fields, key: string): Fields | undefined {
  const value = fields[key];
  return isObject(value) ? value : undefined;
}

export function blocksOf(fields: Fields, key: string): readonly Fields[] {
  const value = fields[key];
  return Array.isArray(value) ? value.filter(isObject) : [];
}

export function textOf(fields: Fields, key: string): string | undefined {
  const value = fields[key];
  if (typeof value === 'string' && value !== '') return value;
  return typeof value === 'number' ? String(value) : undefined;
}

export function requiredText(fields: Fields, key: string): string {
  const text = textOf(fields, key);
  if (text === undefined) throw malformed(`The required attribute ${key} is missing`);
  return text;
}

export function textsOf(fields: Fields, key: string): readonly string[] {
  const value = fields[key];
  if (typeof value === 'string') return [value];
  if (!Array.isArray(value)) return [];
  return value.filter((item): item is string => typeof item === 'string');
}

export function numberOf(fields: Fields, key: string): number | undefined {
  const value = fields[key];
  if (value === undefined || value === null || value === '') return undefined;
  const number = typeof value === 'string' ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isFinite(number))
    throw malformed(`The value of attribute ${key} is not a number`);
  return number;
}

export function parseFlag(value: unknown, key: string): boolean {
  if (value === undefined || value === null || value === '') return false;
  if (typeof value === 'boolean') return value;
  const text = typeof value === 'string' ? value.toLowerCase() : undefined;
  if (text === 'true') return true;
  if (text === 'false') return false;
  throw malformed(`The value of attribute ${key} is not a boolean`);
}

export const flagOf = (fields: Fields, key: string): boolean => parseFlag(fields[key], key);

/** `[{"name": "00001"}, ...]`, as the private replication calls spell device lists. */
export function namesOf(fields: Fields, key: string): readonly string[] {
  return blocksOf(fields, key).map((item) => requiredText(item, 'name').toUpperCase());
}
