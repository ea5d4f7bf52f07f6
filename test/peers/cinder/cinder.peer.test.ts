import path from 'node:path';
import { ARRAY, CONFIG, DEVICES, TestSite } from '../../lab/unisphere/test-site.ts';
import { runPeerScript } from '../peer-script.ts';

const MANY = Array.from(
  { length: 1100 },
  (_, index) => [(0x1000 + index).toString(16).toUpperCase().padStart(5, '0'), 1] as const,
);

test('the Cinder PowerMax driver works against the simulated Unisphere 9.2, and calls nothing it does not serve', async () => {
  const site = await TestSite.start({
    version: '9.2',
    devices: [...DEVICES, ...MANY],
    config: CONFIG,
    pace: 0.05,
    store: { defineMs: 20_000 },
  });
  try {
    const port = String(site.unisphere.port);
    const ca = path.join(site.folder, 'ca.pem');
    const script = path.join(__dirname, 'run.py');
    const exitCode = await runPeerScript(script, ['127.0.0.1', port, ca, 'admin', 'admin-secret', ARRAY]);
    const defects = site.events.events.filter(({ detail }) => detail.defect !== undefined);
    const unserved = site.events.events.filter(({ kind }) => kind === 'unserved');
    expect(defects).toEqual([]);
    expect(unserved.map(({ operation, object }) => `${operation} ${object}`)).toEqual([]);
    expect(exitCode).toBe(0);
  } finally {
    await site.stop();
  }
}, 120_000);
