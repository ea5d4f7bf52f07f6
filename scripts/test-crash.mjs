// npm run test:crash: set up, then the kill loops of test/crash.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { build, install, prebuildJest } from './setup.mjs';

install();
build();
prebuildJest();
const at = (file) => fileURLToPath(new URL(`../${file}`, import.meta.url));
const args = [at('node_modules/jest/bin/jest.js'), '--config', at('jest.crash.config.cjs'), ...process.argv.slice(2)];
process.exit(spawnSync(process.execPath, args, { cwd: at('.'), stdio: 'inherit' }).status ?? 1);
