// npm run bench -- preflight|window|calls|export|bands|startup: measures, each beside a baseline. See docs/benchmarks.md.
import { spawnSync } from 'node:child_process';
import { build } from 'esbuild';
import { bundleOptions, root } from './bundle-options.mjs';
import { install } from './setup.mjs';

install();
const program = `${root}/build/bench/main.cjs`;
await build({ ...bundleOptions, entryPoints: ['test/bench/main.ts'], outfile: program });
process.exit(
  spawnSync(process.execPath, [program, ...process.argv.slice(2)], { cwd: root, stdio: 'inherit' }).status ?? 1,
);
