const path = require('node:path');
const base = require('./jest.config.cjs');

// The proxy of the lab has a `blockdev` of its own. Suites have an environment of their own; programs they start have this one.
process.env.PATH = `${path.join(__dirname, 'test/faults/bin')}${path.delimiter}${process.env.PATH}`;

/** The fault matrix: minutes. `npm run test:faults`; dist/ must be built. */
module.exports = {
  ...base,
  roots: ['<rootDir>/test/faults'],
  testMatch: ['**/*.faults.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
  testTimeout: 900000,
  maxWorkers: 2,
};
