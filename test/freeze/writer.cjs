// Writes to one file system without end and measures how long a write stood still. `ask` on standard input: a JSON line with
// the longest time since the last `ask`, and the number of writes.
const { closeSync, fsyncSync, openSync, renameSync, writeSync } = require('node:fs');
const path = require('node:path');

const folder = process.argv[2];
const log = openSync(path.join(folder, 'log'), 'w');
const PAUSE_MS = 5;
let longestMs = 0;
let writes = 0;

function write() {
  const beginMs = performance.now();
  writeSync(log, 'written\n', 0);
  fsyncSync(log);
  if (writes % 8 === 0) {
    closeSync(openSync(path.join(folder, 'new'), 'w'));
    renameSync(path.join(folder, 'new'), path.join(folder, 'made'));
  }
  longestMs = Math.max(longestMs, performance.now() - beginMs);
  writes += 1;
  setTimeout(write, PAUSE_MS);
}

process.stdin.on('data', () => {
  process.stdout.write(`${JSON.stringify({ longestMs, writes })}\n`);
  longestMs = 0;
});
process.stdin.on('end', () => process.exit(0));
write();
