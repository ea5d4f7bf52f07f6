// npm run chaos: seeded schedules of hooks, faults and crashes over virtual time. See docs/chaos.md.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { install } from './setup.mjs';

install();
const { bundleOptions } = await import('./bundle-options.mjs');
const { build } = await import('esbuild');
const at = (file) => fileURLToPath(new URL(`../${file}`, import.meta.url));
const program = at('build/chaos/main.cjs');
await build({ ...bundleOptions, entryPoints: [at('test/chaos/main.ts')], outfile: program, sourcemap: 'inline' });
const args = ['--enable-source-maps', program, ...process.argv.slice(2)];
process.exit(spawnSync(process.execPath, args, { cwd: at('.'), stdio: 'inherit' }).status ?? 1);
