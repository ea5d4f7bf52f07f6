import { spawn, spawnSync } from 'node:child_process';
import path from 'node:path';
import { ARRAY, CONFIG, DEVICES, TestSite } from '../../lab/unisphere/test-site.ts';

const MANY = Array.from(
  { length: 1100 },
  (_, index) => [(0x1000 + index).toString(16).toUpperCase().padStart(5, '0'), 1] as const,
);

/** Debian's own interpreter: another Python first on the path lacks the driver. */
const PYTHON = '/usr/bin/python3';

test('the Cinder PowerMax driver works against the simulated Unisphere 9.2', async () => {
  expect(spawnSync(PYTHON, ['-c', 'import cinder']).status).toBe(0);
  const site = await TestSite.start({
    version: '9.2',
    devices: [...DEVICES, ...MANY],
    config: CONFIG,
    pace: 0.05,
    store: { defineMs: 20_000 },
  });
  try {
    const output = await new Promise<string>((resolve) => {
      const script = path.join(__dirname, 'run.py');
      const port = String(site.unisphere.port);
      const ca = path.join(site.folder, 'ca.pem');
      const child = spawn(PYTHON, [script, '127.0.0.1', port, ca, 'admin', 'admin-secret', ARRAY]);
      let text = '';
      child.stdout.on('data', (chunk) => {
        text += chunk;
      });
      child.stderr.on('data', (chunk) => {
        text += chunk;
      });
      child.on('close', (code) => resolve(`${text}exit ${code}`));
    });
    const defects = site.events.events.filter(({ detail }) => detail.defect !== undefined);
    const unserved = site.events.events.filter(({ kind }) => kind === 'unserved');
    expect(output).toMatch(/exit 0$/);
    expect(defects).toEqual([]);
    expect(unserved.map(({ operation, object }) => `${operation} ${object}`)).toEqual([]);
  } finally {
    await site.stop();
  }
}, 120_000);
