/** The programs for Windows guests under Wine. `npm run test:vss`, which prepares what they need. */
const base = require('./jest.config.cjs');

module.exports = {
  ...base,
  roots: ['<rootDir>/test/vss'],
  testPathIgnorePatterns: ['/node_modules/'],
  testTimeout: 120_000,
};
