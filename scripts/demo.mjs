// npm run demo: set up, then the main job in the lab. stdout carries the result only.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { build, install } from './setup.mjs';

install();
build();
const program = fileURLToPath(new URL('../dist/snaphook.cjs', import.meta.url));
const result = spawnSync(process.execPath, [program, 'demo', ...process.argv.slice(2)], { stdio: 'inherit' });
process.exit(result.status ?? 1);
