import { writeFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { startLab, closeLabs } from './lab-vcenter.ts';
import { manyVms } from './sample-inventory.ts';
afterAll(closeLabs);
test('probe', async () => {
  const lab = await startLab({}, manyVms(150));
  writeFileSync('/tmp/lab-ca.pem', lab.authority.certificate);
  await new Promise<void>((resolve) => {
    const child = spawn('/tmp/gotest/peer', [lab.vcenter.url, '/tmp/lab-ca.pem', 'admin@vsphere.local', 'secret', ...(process.env.SV ? ['sv'] : [])], { stdio: ['ignore', 2, 2] });
    child.on('exit', (code) => { process.stderr.write(`exit ${code}\n`); resolve(); });
  });
  process.stderr.write(JSON.stringify(lab.events.events.filter(e=>e.kind==='unserved').map(e=>[e.operation,e.detail]))+'\n');
  process.stderr.write(JSON.stringify(lab.events.events.filter(e=>e.detail.defect).map(e=>e.detail))+'\n');
  process.stderr.write(`sessions ${lab.vcenter.sessions}\n`);
}, 120000);
