import { chmodSync, mkdirSync, mkdtempSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { makeOpenFolder } from '../../../src/cli/install/open-folder.ts';

const modeOf = (folder: string) => (statSync(folder).mode & 0o7777).toString(8);

test.each([0o077, 0o000])('the folders that are made let all in and only their owner write, with umask %p', (umask) => {
  const before = process.umask(umask);
  try {
    const there = path.join(mkdtempSync(path.join(os.tmpdir(), 'snaphook-open-folder-')), 'there');
    mkdirSync(there);
    chmodSync(there, 0o710);

    makeOpenFolder(path.join(there, 'made', 'hooks'));
    makeOpenFolder(path.join(there, 'made', 'hooks'));

    expect([there, `${there}/made`, `${there}/made/hooks`].map(modeOf)).toEqual(['710', '755', '755']);
  } finally {
    process.umask(before);
  }
});
