// npm run test:faults: set up, then the fault matrix of test/faults. Arguments go to jest.
// Kills are sampled; TEST_SEED=N, which each suite prints, takes the same sample again. `npm run faults -- --help` has more.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { helpOnRequest } from './help.mjs';
import { build, install, prebuildJest } from './setup.mjs';

helpOnRequest(import.meta.url);

install();
build();
prebuildJest();
const at = (file) => fileURLToPath(new URL(`../${file}`, import.meta.url));
const args = [at('node_modules/jest/bin/jest.js'), '--config', at('jest.faults.config.cjs'), ...process.argv.slice(2)];
process.exit(spawnSync(process.execPath, args, { cwd: at('.'), stdio: 'inherit' }).status ?? 1);
