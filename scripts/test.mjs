// npm test: set up, then types, lint, directions, dead code, and the jest suites. Arguments go to jest; when one of them
// names a path, the checks are left out.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { build, install, prebuildJest } from './setup.mjs';

install();
build();
prebuildJest();
const root = fileURLToPath(new URL('..', import.meta.url));
const run = (command, args) =>
  spawnSync(command, args, { cwd: root, stdio: 'inherit', shell: process.platform === 'win32' }).status === 0;
const jestArgs = process.argv.slice(2);
const checks = jestArgs.every((arg) => arg.startsWith('-')) ? ['typecheck', 'lint', 'boundaries', 'unused'] : [];
let good = true;
for (const check of checks) {
  const passed = run('npm', ['run', '--silent', check]);
  console.log(`check ${check}: ${passed ? 'passed' : 'failed'}`);
  good = passed && good;
}
good =
  run(process.execPath, [fileURLToPath(new URL('../node_modules/jest/bin/jest.js', import.meta.url)), ...jestArgs]) &&
  good;
process.exit(good ? 0 : 1);
