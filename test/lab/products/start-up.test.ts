import { execFileSync, spawnSync } from 'node:child_process';
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

test('a verb that only reads loads nothing of Node that processes, threads, compression or measuring need', () => {
  const loaded = loadedBy('snaphook.cjs', ['vm', 'list', ...noConfig], 10);

  expect(loaded).toContain('NativeModule https');
  const late = ['assert', 'child_process', 'http2', 'perf_hooks', 'readline', 'v8', 'worker_threads', 'zlib'];
  expect(loaded.filter((part) => late.some((name) => part === `NativeModule ${name}`))).toEqual([]);
});

test('what is loaded late behaves as it does in Node: functions that are modules are called, and names that are not listed are there', () => {
  const program = path.join(folder, 'late.js');
  const told = "let refused; try { require('assert')(false, 'no'); } catch (error) { refused = error.code; }";
  writeFileSync(program, `${told} console.log(refused, require('assert').ok.name, require('zlib').Z_BEST_SPEED);`);
  const bundled = path.join(folder, 'late.cjs');
  const options = path.join(__dirname, '../../../scripts/bundle-options.mjs');
  const script = `import { build } from ${JSON.stringify(require.resolve('esbuild'))};
    import { bundleOptions } from ${JSON.stringify(options)};
    await build({ ...bundleOptions, entryPoints: [${JSON.stringify(program)}], outfile: ${JSON.stringify(bundled)} });`;
  execFileSync(process.execPath, ['--input-type=module', '-e', script]);

  expect(execFileSync(process.execPath, [bundled], { encoding: 'utf8' })).toBe('ERR_ASSERTION ok 1\n');
});

test.each([
  ['signatures of XML, which vCenter is not sent', 'http://www.w3.org/2000/09/xmldsig#'],
  ['a table of media types for forms', 'application/vnd.3gpp'],
])('the program has no %s', (_name, text) => {
  const program = readFileSync(path.join(DIST, 'snaphook.cjs'), 'utf8');

  expect(program).toContain('http://schemas.xmlsoap.org/soap/envelope/');
  expect(program).not.toContain(text);
});

test('help needs neither assertions nor tables of how wide characters are', () => {
  const loaded = loadedBy('snaphook.cjs', ['--help'], 0);

  expect(loaded).toContain('NativeModule fs');
  expect(loaded).not.toContain('NativeModule assert');
  expect(readFileSync(path.join(DIST, 'snaphook.cjs'), 'utf8')).not.toMatch(/eastAsianWidth|emojiRegex|emoji-regex/);
});
