// npm test: set up, then types, lint, directions, dead code, and the jest suites. Arguments go to jest; when one of them
// names a path, the checks are left out.
import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { build, install, prebuildJest } from './setup.mjs';

install();
build();
prebuildJest();
const root = fileURLToPath(new URL('..', import.meta.url));
const jestArgs = process.argv.slice(2);
const checks = jestArgs.every((arg) => arg.startsWith('-')) ? ['typecheck', 'lint', 'boundaries', 'unused'] : [];
let good = true;
/** Side by side: each works on one processor for most of its time. What one says comes in one piece. */
const ended = checks.map(async (check) => {
  const { passed, said } = await runCheck(check);
  process.stderr.write(said);
  console.log(`check ${check}: ${passed ? 'passed' : 'failed'}`);
  good = passed && good;
});
await Promise.all(ended);
const jest = fileURLToPath(new URL('../node_modules/jest/bin/jest.js', import.meta.url));
const { status } = spawnSync(process.execPath, [jest, ...jestArgs], { cwd: root, stdio: 'inherit' });
process.exit(good && status === 0 ? 0 : 1);

function runCheck(check) {
  return new Promise((resolve) => {
    const child = spawn('npm', ['run', '--silent', check], { cwd: root, shell: process.platform === 'win32' });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (said += text));
    child.once('error', (error) => resolve({ passed: false, said: `${said}${error.message}\n` }));
    child.once('close', (code) => resolve({ passed: code === 0, said }));
  });
}
