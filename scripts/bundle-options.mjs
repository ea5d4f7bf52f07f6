import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));
export const version = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version;

/** Parts of packages that are slow to load, and what stands in for them; see there. */
const STAND_INS = [
  { package: 'yargs', part: /^assert$/, standIn: 'assert.cjs' },
  { package: 'cliui', part: /^string-width$/, standIn: 'text-width.mjs' },
  { package: 'wrap-ansi', part: /^string-width$/, standIn: 'text-width.mjs' },
  { package: 'yargs', part: /^string-width$/, standIn: 'text-width.mjs' },
  { package: 'signal-exit', part: /^assert$/, standIn: 'assert.cjs' },
  { package: 'soap', part: /^assert$/, standIn: 'assert.cjs' },
  { package: 'soap', part: /^debug$/, standIn: 'debug.cjs' },
  // Requests go out over a transport of ours, there is no server, and vCenter's sessions are cookies.
  { package: 'soap', part: /^\.\.?\/(http|security|server)$/, standIn: 'left-out.cjs' },
  // Requests are texts to the server itself, by HTTP/1.1.
  { package: 'axios', part: /^(follow-redirects|form-data|http2|https-proxy-agent)$/, standIn: 'left-out.cjs' },
];

/** Of Node, what few calls need: loaded when something of it is used. */
const LATE = ['assert', 'child_process', 'readline', 'v8', 'worker_threads', 'zlib'];

/** What is slow to load comes late, or not at all. */
const quickToLoad = {
  name: 'quick-to-load',
  setup({ onResolve, onLoad }) {
    for (const { package: name, part, standIn } of STAND_INS)
      onResolve({ filter: part }, ({ importer }) =>
        importer.includes(`/node_modules/${name}/`) ? { path: `${root}scripts/stand-ins/${standIn}` } : undefined,
      );
    onResolve({ filter: new RegExp(`^(node:)?(${LATE.join('|')})$`) }, ({ path, namespace }) =>
      namespace === 'late'
        ? { path, external: true }
        : { path: path.replace(/^(?!node:)/, 'node:'), namespace: 'late' },
    );
    onLoad({ filter: /./, namespace: 'late' }, ({ path }) => ({ contents: lateModule(path) }));
  },
};

/** A CommonJS module with the same exports as that part of Node, each of which loads it; one that is a function itself is called. */
function lateModule(name) {
  const part = createRequire(import.meta.url)(name);
  const isFunction = typeof part === 'function';
  const ofAnyFunction = isFunction ? ['length', 'name', 'prototype'] : [];
  const exports = Object.getOwnPropertyNames(part).filter((key) => !ofAnyFunction.includes(key));
  return `const load = () => require('${name}');
module.exports = Object.defineProperties(${isFunction ? '(...words) => load()(...words)' : '{}'}, {
${exports.map((key) => `  ${key}: { enumerable: true, get: () => load().${key} },`).join('\n')}
});`;
}

/** One CommonJS file a program: soap and other CommonJS packages need it, and so will the single binary. */
export const bundleOptions = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20.19',
  charset: 'ascii',
  legalComments: 'none',
  supported: { 'dynamic-import': false },
  loader: { '.wasm': 'binary', '.wsdl': 'text' },
  // Native parts of ssh2: it looks for them, and does without.
  external: ['cpu-features', '*.node'],
  alias: { axios: './node_modules/axios/dist/node/axios.cjs' },
  plugins: [quickToLoad],
  define: { __VERSION__: JSON.stringify(version), 'import.meta.url': '__importMetaUrl' },
  banner: { js: 'const __importMetaUrl=require("node:url").pathToFileURL(__filename).href;' },
  logLevel: 'warning',
};
