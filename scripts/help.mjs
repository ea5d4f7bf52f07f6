// With --help a script prints the comment at its top, before it sets up anything.
import { readFileSync } from 'node:fs';

export function helpOnRequest(script) {
  if (!process.argv.slice(2).some((argument) => argument === '--help' || argument === '-h')) return;
  const lines = readFileSync(new URL(script), 'utf8').split('\n');
  const top = lines.slice(
    0,
    lines.findIndex((line) => !line.startsWith('//')),
  );
  console.log(top.map((line) => line.replace(/^\/\/ ?/, '')).join('\n'));
  process.exit(0);
}
