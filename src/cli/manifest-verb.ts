import type { VerbResult } from './console.ts';
import { EXIT } from './exit-codes.ts';
import { manifestJsonSchema } from './manifest-schema.ts';
import { jsonDocument } from './render/json.ts';

export function manifestSchemaVerb(): VerbResult {
  const schema = manifestJsonSchema();
  return {
    document: jsonDocument('manifest-schema', { schema }),
    text: `${JSON.stringify(schema, undefined, 2)}\n`,
    exitCode: EXIT.ok,
  };
}
