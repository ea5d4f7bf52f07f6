// In place of `node:assert` for yargs, which calls two of its functions on the way to an error of its own; all of it is slow to load.
export function strictEqual(actual, expected, message) {
  if (!Object.is(actual, expected)) throw new Error(message);
}

export function notStrictEqual(actual, expected, message) {
  if (Object.is(actual, expected)) throw new Error(message);
}
