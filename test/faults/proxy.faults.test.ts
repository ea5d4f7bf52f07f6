import { mkdtempSync, rmSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ON_PROXY, testPart } from './matrix-suite.ts';
import { watchProxy } from './proxy-machine.cjs';

describe('the fault matrix of the proxy', () =>
  testPart({
    area: 'proxy',
    shard: 0,
    shards: 1,
    met: { 'pre proxy': ON_PROXY, 'post proxy': ON_PROXY },
    steps: [
      ...['list devices', 'scan host', 'look at device', '--flushbufs', '--getsize64'].map((one) => `pre proxy ${one}`),
      ...['list devices', 'look at device', '--flushbufs'].map((one) => `post proxy ${one}`),
    ],
    outcomes: ['ready', 'failed, nothing left', 'left, and told', 'killed'],
  }));

test('a scan of the hosts counts for the lab whose devices the same work has looked for, also when another has looked since', async () => {
  const folders = ['a', 'b'].map((name) => mkdtempSync(path.join(tmpdir(), `snaphook-scan-${name}-`)));
  const watches = folders.map((folder) => watchProxy(folder));
  try {
    let waiting = folders.length;
    await Promise.all(
      folders.map(async (folder) => {
        await readdir(folder);
        waiting -= 1;
        while (waiting > 0) await readdir(tmpdir());
        await writeFile('/sys/class/scsi_host/host0/scan', '- - -');
      }),
    );

    expect(watches.map(({ counts }) => counts.get('scan host'))).toEqual([1, 1]);
  } finally {
    for (const watch of watches) watch.end();
    for (const folder of folders) rmSync(folder, { recursive: true });
  }
});
