// Bundles the ESM-only packages to CommonJS for jest.
import { build } from 'esbuild';
import { bundleOptions } from './bundle-options.mjs';

const packages = {
  yargs: `export { default } from 'yargs';`,
  'yargs-helpers': `export * from 'yargs/helpers';`,
  'wa-sqlite': `export * from 'wa-sqlite';`,
  'wa-sqlite-module': `export { default } from 'wa-sqlite/dist/wa-sqlite.mjs';`,
  'wa-sqlite-wasm': `export { default } from 'wa-sqlite/dist/wa-sqlite.wasm';`,
};
for (const [name, contents] of Object.entries(packages)) {
  await build({
    ...bundleOptions,
    stdin: { contents, resolveDir: '.', loader: 'js' },
    outfile: `build/jest/${name}.cjs`,
  });
}
