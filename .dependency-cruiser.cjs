/** The directions of the house: entry points -> job -> ports <- adapters. See CONTRIBUTING.md. */
const adapters = '^src/(vsphere|powermax|guest|proxy|image|catalog)/';
const nodeIo =
  'child_process|cluster|dgram|dns|fs|http|http2|https|inspector|net|os|process|readline|repl|tls|tty|worker_threads';

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'job-knows-only-ports',
      comment: 'The core decides; it never does I/O itself and knows no adapter.',
      severity: 'error',
      from: { path: '^src/job/' },
      to: { path: '^src/', pathNot: '^src/(job|ports)/' },
    },
    {
      name: 'job-does-no-io',
      severity: 'error',
      from: { path: '^src/(job|ports)/' },
      to: { dependencyTypes: ['core'], path: `^(node:)?(${nodeIo})(/|$)` },
    },
    {
      name: 'job-needs-no-package',
      severity: 'error',
      from: { path: '^src/(job|ports)/' },
      to: { dependencyTypes: ['npm'] },
    },
    {
      name: 'ports-stand-alone',
      severity: 'error',
      from: { path: '^src/ports/' },
      to: { path: '^src/', pathNot: '^src/ports/' },
    },
    {
      name: 'adapters-know-ports-only',
      severity: 'error',
      from: { path: adapters },
      to: { path: '^(src/(job|cli|server|lab|config)|hooks|integrations)/' },
    },
    ...['vsphere', 'powermax', 'guest', 'proxy', 'image', 'catalog'].map((room) => ({
      name: `${room}-imports-no-other-adapter`,
      severity: 'error',
      from: { path: `^src/${room}/` },
      to: { path: adapters, pathNot: `^src/${room}/` },
    })),
    {
      name: 'platform-is-the-floor',
      severity: 'error',
      from: { path: '^src/platform/' },
      to: { path: '^(src|hooks|integrations)/', pathNot: '^src/(platform|ports)/' },
    },
    {
      name: 'config-stands-on-platform',
      severity: 'error',
      from: { path: '^src/config/' },
      to: { path: '^(src|hooks|integrations)/', pathNot: '^src/(config|platform|ports)/' },
    },
    {
      name: 'lab-is-independent',
      comment: 'A simulator that shares code with the client it checks would share its mistakes.',
      severity: 'error',
      from: { path: '^src/lab/' },
      to: {
        path: '^(src|hooks|integrations)/',
        pathNot: [
          '^src/(lab|platform)/',
          '^src/guest/windows/vss-helper-protocol\\.ts$',
          '^src/guest/linux/freeze-helper-protocol\\.ts$',
          '^src/guest/script-protocol\\.ts$',
        ],
      },
    },
    {
      name: 'nobody-imports-entry-points',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(cli|server)/' },
      to: { path: '^(src/(cli|server)|hooks|integrations)/' },
    },
    { name: 'no-orphans', severity: 'error', from: { orphan: true, pathNot: '\\.d\\.ts$|^test/' }, to: {} },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { extensions: ['.ts', '.mjs', '.cjs', '.js', '.json'] },
  },
};
