import { loadConfig } from '../config/load.ts';
import { configJsonSchema } from '../config/schema.ts';
import type { VerbResult } from './console.ts';
import { EXIT } from './exit-codes.ts';
import { jsonDocument } from './render/json.ts';

export async function configVerb(configFile: string, what: 'check' | 'schema'): Promise<VerbResult> {
  if (what === 'schema') {
    const schema = configJsonSchema();
    return {
      document: jsonDocument('config-schema', { schema }),
      text: `${JSON.stringify(schema, undefined, 2)}\n`,
      exitCode: EXIT.ok,
    };
  }
  const { jobs } = loadConfig(configFile);
  const names = Object.keys(jobs);
  return {
    document: jsonDocument('config-check', { ok: true, file: configFile, jobs: names }),
    text: `${configFile} is well formed; jobs: ${names.join(', ')}\n`,
    exitCode: EXIT.ok,
  };
}
