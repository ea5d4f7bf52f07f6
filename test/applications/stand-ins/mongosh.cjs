// A stand-in of mongosh, with a prompt before each answer, as a shell that is fed through a pipe has it.
const vm = require('node:vm');
const { readState, serve, writeState } = require('./statements.cjs');

const change = (key, by) => {
  const state = readState();
  writeState({ ...state, [key]: (state[key] ?? 0) + by });
  return readState()[key];
};
let exitCode;
const database = {
  fsyncLock: () => ({ ok: readState().refuses ? 0 : 1, lockCount: readState().refuses ? 0 : change('lockCount', 1) }),
  fsyncUnlock: () => ((readState().lockCount ?? 0) > 0 ? { ok: 1, lockCount: change('lockCount', -1) } : { ok: 0 }),
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
  vm.runInContext(line, context);
  return exitCode;
});
