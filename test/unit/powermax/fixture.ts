import { readFileSync } from 'node:fs';
import path from 'node:path';
import { asBody, type Body } from '../../../src/powermax/schema.ts';

/** A body from `test/fixtures/powermax`, parsed. */
export function fixture(name: string): Body {
  const file = path.join(__dirname, '../../fixtures/powermax', `${name}.json`);
  return asBody(JSON.parse(readFileSync(file, 'utf8')), name);
}
