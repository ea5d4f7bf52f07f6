import { toErrorRecord } from '../../ports/errors.ts';

/** `--json` output is one versioned document; `schema` names its shape. */
export function jsonDocument(
  schema: string,
  fields: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  return { schema: `snaphook/${schema}`, version: 1, ...fields };
}

export function errorDocument(error: unknown, exitCode: number): Readonly<Record<string, unknown>> {
  return jsonDocument('error', { ok: false, error: toErrorRecord(error), exitCode });
}
