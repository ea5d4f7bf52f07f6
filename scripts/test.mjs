// npm test: set up, then types, lint, directions, dead code, and the jest suites.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { build, install, prebuildJest } from './setup.mjs';

install();
build();
prebuildJest();
const root = fileURLToPath(new URL('..', import.meta.url));
const run = (command, args) => {
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit', shell: process.platform === 'win32' });
  if (status !== 0) process.exit(status ?? 1);
};
const only = process.argv.slice(2);
if (only.length === 0) run('npm', ['run', '--silent', 'check']);
run(process.execPath, [fileURLToPath(new URL('../node_modules/jest/bin/jest.js', import.meta.url)), ...only]);
