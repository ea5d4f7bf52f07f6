import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { readText } from '../../../src/cli/manifest-signature.ts';
import { failure } from '../../failure.ts';

test('a pipe in place of a manifest is refused at once: nobody waits for who writes to it', async () => {
  const manifest = path.join(mkdtempSync(path.join(os.tmpdir(), 'snaphook-manifest-')), 'snaphook-manifest.json');
  execFileSync('mkfifo', [manifest]);

  const error = await failure(readText(manifest, 'manifest', 'E_VERIFY'));

  expect(error).toMatchObject({ code: 'E_VERIFY' });
  expect(String(error)).toContain(`manifest "${manifest}" cannot be read (it is no file)`);
});
