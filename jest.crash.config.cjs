/** The kill loops: minutes, real processes, real signals. `npm run test:crash`; dist/ must be built. */
const base = require('./jest.config.cjs');

module.exports = {
  ...base,
  roots: ['<rootDir>/test/crash'],
  testPathIgnorePatterns: ['/node_modules/'],
  // Against hanging: all points on a busy machine take longer than anybody wants to say.
  testTimeout: 3_600_000,
  maxWorkers: 2,
};
