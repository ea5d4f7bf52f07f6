// Bundles into dist/: snaphook (all verbs), the two hooks a backup job calls, the module snaphook/winrm; then programs for guests.
import { chmodSync, rmSync } from 'node:fs';
import { build } from 'esbuild';
import { buildFreezeHelper, buildPlugIns } from './build-guest.mjs';
import { bundleOptions, root } from './bundle-options.mjs';

rmSync(`${root}/dist`, { recursive: true, force: true });
await build({
  ...bundleOptions,
  entryPoints: {
    snaphook: 'src/cli/snaphook.ts',
    'pre-backup': 'hooks/pre-backup.ts',
    'post-backup': 'hooks/post-backup.ts',
  },
  outdir: 'dist',
  outExtension: { '.js': '.cjs' },
  minify: true,
  keepNames: true,
  banner: { js: `#!/usr/bin/env node\n${bundleOptions.banner.js}` },
});
await build({
  ...bundleOptions,
  entryPoints: { winrm: 'src/guest/windows/winrm-client.ts' },
  outdir: 'dist',
  outExtension: { '.js': '.cjs' },
});
for (const program of ['snaphook', 'pre-backup', 'post-backup']) chmodSync(`${root}/dist/${program}.cjs`, 0o755);
buildPlugIns();
try {
  buildFreezeHelper();
} catch (error) {
  // Everything but a real guest works without it; its own tests fail.
  console.error(`snaphook-freeze is not built: ${error.message}`);
}
