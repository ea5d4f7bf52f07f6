/** The kill loops: minutes, real processes, real signals. `npm run test:crash`; dist/ must be built. */
const base = require('./jest.config.cjs');

module.exports = {
  ...base,
  roots: ['<rootDir>/test/crash'],
  testPathIgnorePatterns: ['/node_modules/'],
  testTimeout: 900000,
  maxWorkers: 2,
};
