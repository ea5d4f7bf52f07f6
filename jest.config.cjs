const os = require('node:os');
const path = require('node:path');
const prebuilt = (name) => path.join(__dirname, 'build/jest', name);

/** ESM-only packages are bundled to CommonJS once (scripts/prebuild-jest.mjs): jest runs faster without VM modules. */
module.exports = {
  testEnvironment: 'node',
  // Most of a test's time is waiting for simulated systems: three workers for two cores.
  maxWorkers: Math.ceil(os.availableParallelism() * 1.5),
  // What a test file leaves in its worker is kept alive by the modules it loaded; collecting around it costs more than a new worker.
  workerIdleMemoryLimit: '800MB',
  roots: ['<rootDir>/test'],
  globalSetup: '<rootDir>/test/run/temporary-folder-setup.cjs',
  globalTeardown: '<rootDir>/test/run/temporary-folder-teardown.cjs',
  testMatch: ['**/*.test.ts'],
  testPathIgnorePatterns: [
    '/node_modules/',
    ...[
      'crash',
      'faults',
      'peers',
      'bench',
      'freeze',
      'files',
      'qemu',
      'package',
      'products',
      'applications',
      'vss',
    ].map((name) => `<rootDir>/test/${name}/`),
  ],
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/release/'],
  transform: {
    '^.+\\.[cm]?ts$': [
      '@swc/jest',
      {
        jsc: { target: 'es2023', parser: { syntax: 'typescript' } },
        module: { type: 'commonjs' },
        sourceMaps: 'inline',
      },
    ],
  },
  moduleNameMapper: {
    '^yargs$': prebuilt('yargs.cjs'),
    '^yargs/helpers$': prebuilt('yargs-helpers.cjs'),
    '^wa-sqlite$': prebuilt('wa-sqlite.cjs'),
    '^wa-sqlite/dist/wa-sqlite.mjs$': prebuilt('wa-sqlite-module.cjs'),
    '^wa-sqlite/dist/wa-sqlite.wasm$': prebuilt('wa-sqlite-wasm.cjs'),
  },
  globals: { __VERSION__: require('./package.json').version },
  // Against hanging, not for speed: a busy machine takes several times as long.
  testTimeout: 120000,
};
