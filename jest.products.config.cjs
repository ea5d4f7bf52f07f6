/** Backup products that call the hooks. `npm run test:products`, which prepares what they need. */
const base = require('./jest.config.cjs');

module.exports = {
  ...base,
  roots: ['<rootDir>/test/products'],
  // Jobs of real products on a busy machine.
  testTimeout: 600_000,
  testPathIgnorePatterns: ['/node_modules/'],
};
