// npm run test:crash: set up, then the kill loops of test/crash. Arguments go to jest.
// With CRASH_STRIDE=N every Nth kill point, other ones each time.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { helpOnRequest } from './help.mjs';
import { build, install, prebuildJest } from './setup.mjs';

helpOnRequest(import.meta.url);

install();
build();
prebuildJest();
const at = (file) => fileURLToPath(new URL(`../${file}`, import.meta.url));
const args = [at('node_modules/jest/bin/jest.js'), '--config', at('jest.crash.config.cjs'), ...process.argv.slice(2)];
process.exit(spawnSync(process.execPath, args, { cwd: at('.'), stdio: 'inherit' }).status ?? 1);
