const base = require('./jest.config.cjs');

/** The fault matrix: minutes. `npm run test:faults`; dist/ must be built. */
module.exports = {
  ...base,
  roots: ['<rootDir>/test/faults'],
  testMatch: ['**/*.faults.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
  testTimeout: 900000,
  maxWorkers: 2,
};
