import { mkdirSync, mkdtempSync, realpathSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Manifest } from '../../../src/cli/manifest-schema.ts';
import { verifyFilesIndex } from '../../../src/cli/verify-files-index.ts';
import { hangingCalls } from '../../../src/platform/unless-aborted.ts';
import { writeFilesIndex } from '../../../src/proxy/linux/write-files-index.ts';
import { loseServer } from '../../lost-server.ts';

const never = new AbortController().signal;
const quiet = () => undefined;

test('restored files on a file system that hangs are not waited for beyond the signal', async () => {
  const root = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'verify-index-')));
  const volume = 'vm/hard-disk-1/part1';
  mkdirSync(path.join(root, volume), { recursive: true });
  writeFileSync(path.join(root, volume, 'data'), 'content');
  const filesIndex = await writeFilesIndex(root, { path: 'files.list', volumes: [volume] }, quiet, never);
  // These fields alone are read of it.
  const manifest = { filesIndex, fileSystems: [{ path: volume }] } as unknown as Manifest;
  const place = { file: path.join(root, 'manifest.json'), directory: root, isSigned: false };
  let isLost = false;
  const server = await loseServer(() => isLost);
  const progress = () => {
    isLost = true;
  };
  const abort = new AbortController();
  try {
    const verified = verifyFilesIndex(manifest, place, { info: quiet, warn: quiet, progress }, abort.signal);
    const ended = expect(verified).rejects.toThrow('too late');
    await server.asked;
    abort.abort(new Error('too late'));
    await ended;
  } finally {
    server.comeBack();
  }
  while (hangingCalls() > 0) await new Promise(setImmediate);
});
