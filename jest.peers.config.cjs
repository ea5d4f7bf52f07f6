/** Programs of others against both sides. `npm run test:peers`; the peers must be installed. */
const base = require('./jest.config.cjs');

module.exports = {
  ...base,
  roots: ['<rootDir>/test/peers'],
  testMatch: ['**/*.peer.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
};
