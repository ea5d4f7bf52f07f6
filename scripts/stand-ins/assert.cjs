// In place of `node:assert` for packages that call these functions of it, on the way to an error of their own; all of it is slow to load.
function ok(value, message) {
  if (!value) throw new Error(message);
}

module.exports = {
  ok,
  equal: (actual, expected, message) => ok(Object.is(actual, expected), message),
  strictEqual: (actual, expected, message) => ok(Object.is(actual, expected), message),
  notStrictEqual: (actual, expected, message) => ok(!Object.is(actual, expected), message),
};
