// What the stand-ins of database clients have in common: a state that outlives each of them, and a log of what they were told.
const { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync } = require('node:fs');
const { createInterface } = require('node:readline');
const path = require('node:path');

const file = path.join(__dirname, 'state.json');

exports.readState = () => (existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {});
/** Whole or not at all: tests look at it at any time. */
exports.writeState = (state) => {
  writeFileSync(`${file}.new`, JSON.stringify(state));
  renameSync(`${file}.new`, file);
};

/** Obeys line by line; one that returns a number is its end with that exit code. */
exports.serve = (obey) => {
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (line) => {
    appendFileSync(path.join(__dirname, 'log'), `${line}\n`);
    const exitCode = obey(line.trim());
    if (exitCode !== undefined) process.exit(exitCode);
  });
};
