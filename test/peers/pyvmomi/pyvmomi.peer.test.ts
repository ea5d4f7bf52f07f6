import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { closeLabs, startLab } from '../../lab/vcenter/lab-vcenter.ts';
import { runPeerScript } from '../peer-script.ts';

afterAll(closeLabs);

test('pyVmomi works against the simulated vCenter, and calls nothing it does not serve', async () => {
  const { vcenter, authority, events } = await startLab();
  const folder = mkdtempSync(path.join(tmpdir(), 'pyvmomi-'));
  const ca = path.join(folder, 'ca.pem');
  writeFileSync(ca, authority.certificate);
  try {
    const script = path.join(__dirname, 'run.py');
    const exitCode = await runPeerScript(script, [vcenter.url, ca, 'admin@vsphere.local', 'secret']);
    const unserved = events.events.filter(({ kind }) => kind === 'unserved');
    expect(unserved.map(({ operation, object, detail }) => ({ operation, object, detail }))).toEqual([]);
    expect(exitCode).toBe(0);
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 120_000);
