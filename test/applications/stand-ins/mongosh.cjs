// A stand-in of mongosh, with a prompt before each answer, as a shell that is fed through a pipe has it. What the server refuses is thrown;
// an error that nobody catches is told, and the shell goes on.
const vm = require('node:vm');
const { readState, serve, writeState } = require('./statements.cjs');

const change = (key, by) => {
  const state = readState();
  writeState({ ...state, [key]: (state[key] ?? 0) + by });
  return readState()[key];
};
let exitCode;
const database = {
  fsyncLock: () => {
    if (readState().refuses) throw new Error('not authorized on admin to execute command fsync');
    return { ok: 1, lockCount: change('lockCount', 1) };
  },
  fsyncUnlock: () => {
    if ((readState().lockCount ?? 0) === 0) throw new Error('fsyncUnlock called when not locked');
    return { ok: 1, lockCount: change('lockCount', -1) };
  },
  currentOp: () => ({ fsyncLock: (readState().lockCount ?? 0) > 0 }),
  adminCommand: () => ({ parsed: { storage: { dbPath: readState().folder } } }),
};
const context = vm.createContext({
  connect: () => database,
  print: (text) => process.stdout.write(`test> ${text}\n`),
  quit: (code) => {
    exitCode = code;
  },
});
serve((line) => {
  try {
    vm.runInContext(line, context);
  } catch (error) {
    process.stdout.write(`test> ${error.message}\n`);
  }
  return exitCode;
});
