import { SnaphookError } from '../ports/errors.ts';

/**
 * Readers for the bodies Unisphere sends. Releases differ in spelling (snake_case and camelCase), leave keys out instead of
 * sending null, and older ones send booleans and numbers as text: all of that is accepted here and nowhere else.
 */
export type Body = Readonly<Record<string, unknown>>;

/** An answer whose shape is not what the API promises; `what` names the resource. */
export function unexpectedAnswer(what: string, detail: string): SnaphookError {
  return new SnaphookError('E_ARRAY', `unexpected answer from Unisphere for ${what}: ${detail}`, {
    hint: 'Check that the configured URL is a Unisphere for PowerMax server, and its version with `snaphook doctor`.',
  });
}

export function isBody(value: unknown): value is Body {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function asBody(value: unknown, what: string): Body {
  if (!isBody(value)) throw unexpectedAnswer(what, 'not a JSON object');
  return value;
}

/** The first of the spellings that is present and not null. */
function pick(body: Body, names: readonly string[]): unknown {
  for (const name of names) {
    const value = body[name];
    if (value !== undefined && value !== null) return value;
  }
  return undefined;
}

export function text(body: Body, ...names: readonly string[]): string | undefined {
  const value = pick(body, names);
  if (typeof value === 'string') return value;
  return typeof value === 'number' ? String(value) : undefined;
}

/** `true`, `"true"` and `"True"` alike; absent means false. */
export function flag(body: Body, ...names: readonly string[]): boolean {
  const value = pick(body, names);
  return value === true || (typeof value === 'string' && value.toLowerCase() === 'true');
}

/** A number, also when sent as text; undefined when absent or no number (never 0 for that: 0 is a valid generation). */
export function count(body: Body, ...names: readonly string[]): number | undefined {
  const value = pick(body, names);
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (typeof value !== 'string' || !/^\s*-?\d+(\.\d+)?\s*$/.test(value)) return undefined;
  return Number(value);
}

/** A list; a single object stands for a list of one, absent for an empty one. */
export function list(body: Body, ...names: readonly string[]): readonly unknown[] {
  const value = pick(body, names);
  if (Array.isArray(value)) return value;
  return value === undefined ? [] : [value];
}

export function bodies(body: Body, ...names: readonly string[]): readonly Body[] {
  return list(body, ...names).filter(isBody);
}

export function texts(body: Body, ...names: readonly string[]): readonly string[] {
  return list(body, ...names).filter((value): value is string => typeof value === 'string');
}
