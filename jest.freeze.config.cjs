/** The helper inside Linux guests on real file systems. `npm run test:freeze`, which prepares what they need. */
const base = require('./jest.config.cjs');

module.exports = {
  ...base,
  roots: ['<rootDir>/test/freeze'],
  testPathIgnorePatterns: ['/node_modules/'],
  testTimeout: 30000,
};
