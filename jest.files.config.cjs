/** File systems of targets, mounted on this machine. `npm run test:files`, which prepares what they need. */
const base = require('./jest.config.cjs');

module.exports = {
  ...base,
  roots: ['<rootDir>/test/files'],
  testPathIgnorePatterns: ['/node_modules/'],
};
