import { mkdtempSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { verifyVerb } from '../../../src/cli/verify-verb.ts';
import type { Reporter } from '../../../src/ports/reporter.ts';

const silent: Reporter = { info: () => undefined, warn: () => undefined, progress: () => undefined };
const signal = new AbortController().signal;
const UUID = '50aa0000-0000-4000-8000-000000000001';
const EVIL = 'x\nsigned by all\u001b[2J';

/** Its image is not there. */
const MANIFEST = {
  schema: 'snaphook/manifest',
  version: 1,
  tool: 'snaphook 0',
  createdAt: '2026-01-01T00:00:00.000Z',
  run: { id: EVIL, job: EVIL, integration: 'command' },
  snapshot: { array: '000197900046', model: 'x', name: 'x', timeToLiveHours: 1 },
  window: { lengthMs: 1, arrayMs: 1, freezeMs: 1, thawMs: 1 },
  route: { name: 'snapvx', because: '' },
  commonInstant: true,
  vms: [
    {
      name: 'a',
      instanceUuid: UUID,
      moRef: 'vm-1',
      role: 'selected',
      grade: 'crash',
      reasons: [],
      notes: [],
      disks: [],
    },
  ],
  collateral: [],
  warnings: [],
  images: [
    {
      path: 'a/disk.raw',
      format: 'raw',
      sizeBytes: 512,
      dataBytes: 0,
      holds: 'disk',
      contentHash: { algorithm: 'blake2b-512-tree', leafBytes: 65_536, value: 'ab'.repeat(64) },
    },
  ],
};

test('what an unproven manifest says can neither add lines to a verdict nor drive a terminal', async () => {
  const manifest = path.join(mkdtempSync(path.join(os.tmpdir(), 'verify-')), 'snaphook-manifest.json');
  writeFileSync(manifest, JSON.stringify(MANIFEST));

  const { text = '' } = await verifyVerb({ manifest, publicKey: undefined, root: undefined }, silent, signal);
  expect(text).not.toContain('\u001b');
  expect(text.split('\n')[0]).toContain('signed by all');
});
