// npm run faults [-- OPTIONS]: set up, then the fault matrix of test/faults as a command; --help shows the options.
import { spawnSync } from 'node:child_process';
import { build as bundle } from 'esbuild';
import { bundleOptions, root } from './bundle-options.mjs';
import { build, install } from './setup.mjs';

install();
build();
const program = `${root}/build/faults/matrix.cjs`;
await bundle({ ...bundleOptions, entryPoints: ['test/faults/main.ts'], outfile: program });
process.exit(spawnSync(process.execPath, [program, ...process.argv.slice(2)], { stdio: 'inherit' }).status ?? 1);
