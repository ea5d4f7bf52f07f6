/** A real Linux guest on the lab's disks. `npm run test:qemu`, which gathers what the guest boots from. */
const base = require('./jest.config.cjs');

module.exports = {
  ...base,
  roots: ['<rootDir>/test/qemu'],
  testMatch: ['**/*.qemu.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
  testTimeout: 120000,
};
