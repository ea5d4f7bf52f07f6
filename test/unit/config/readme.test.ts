import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { loadConfig } from '../../../src/config/load.ts';

test('the configuration the README explains is accepted as it stands there', () => {
  const readme = readFileSync(path.join(__dirname, '../../../README.md'), 'utf8');
  const example = /```yaml\n(.*?)```/s.exec(readme)?.[1] ?? '';
  const file = path.join(mkdtempSync(path.join(os.tmpdir(), 'snaphook-readme-')), 'snaphook.yaml');
  writeFileSync(file, example);

  const config = loadConfig(file);

  expect(Object.keys(config.jobs)).toEqual(['nightly-sql']);
  expect(config.arrays[0]?.id).toBe('000197900046');
});
