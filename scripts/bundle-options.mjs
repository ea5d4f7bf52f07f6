import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));
export const version = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version;

/** Of packages, what is slow to load and hardly used; see the files that stand in for it. */
const quickToLoad = {
  name: 'quick-to-load',
  setup({ onResolve }) {
    onResolve({ filter: /^assert$/ }, ({ importer }) =>
      importer.includes('/node_modules/yargs/') ? { path: `${root}scripts/yargs-assert.mjs` } : undefined,
    );
    onResolve({ filter: /^string-width$/ }, () => ({ path: `${root}scripts/text-width.mjs` }));
  },
};

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
