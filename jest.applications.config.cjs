/** Databases in Linux guests and their plug-ins. `npm run test:applications`, which prepares what they need. */
const base = require('./jest.config.cjs');

module.exports = {
  ...base,
  roots: ['<rootDir>/test/applications'],
  testPathIgnorePatterns: ['/node_modules/'],
  testTimeout: 60000,
  // Both look for the plug-ins that run on this machine.
  maxWorkers: 1,
  // Clients of databases whose plug-in a test killed may keep a pipe open.
  forceExit: true,
};
