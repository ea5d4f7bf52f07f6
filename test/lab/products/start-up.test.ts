import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const DIST = path.join(__dirname, '../../../dist');
const folder = mkdtempSync(path.join(os.tmpdir(), 'snaphook-start-up-'));
const probe = path.join(folder, 'probe.cjs');
const told = path.join(folder, 'loaded');
writeFileSync(
  probe,
  `process.on('exit', () => require('node:fs').writeFileSync(${JSON.stringify(told)}, process.moduleLoadList.join('\\n')));\n`,
);

/** The parts of Node that a program of dist/ loads for a call. */
function loadedBy(program: string, words: readonly string[], exitCode: number): readonly string[] {
  const args = ['--require', probe, path.join(DIST, program), ...words];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  expect([status, stderr]).toEqual([exitCode, expect.any(String)]);
  return readFileSync(told, 'utf8').split('\n');
}

const noConfig = ['--config', '/nonexistent/snaphook.yaml'];

test.each([
  ['pre-backup.cjs', ['--job', 'none', ...noConfig]],
  ['post-backup.cjs', ['--job', 'none', ...noConfig]],
  ['snaphook.cjs', ['vm', 'list', ...noConfig]],
])('%s %j does not load the second HTTP client of Node, which it never uses', (program, words) => {
  const loaded = loadedBy(program, words, 10);

  expect(loaded).toContain('NativeModule https');
  expect(loaded.filter((part) => part.includes('undici'))).toEqual([]);
});

test('help needs neither assertions nor tables of how wide characters are', () => {
  const loaded = loadedBy('snaphook.cjs', ['--help'], 0);

  expect(loaded).toContain('NativeModule fs');
  expect(loaded).not.toContain('NativeModule assert');
  expect(readFileSync(path.join(DIST, 'snaphook.cjs'), 'utf8')).not.toMatch(/eastAsianWidth|emojiRegex|emoji-regex/);
});
