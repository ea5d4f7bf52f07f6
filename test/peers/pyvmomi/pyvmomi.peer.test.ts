import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type LinuxToolsWorld, startLinuxToolsWorld } from '../../contract/linux-tools-world.ts';
import { startWindowsToolsWorld } from '../../contract/windows-tools-world.ts';
import { COPY_A, COPY_B, openCopiedVolume } from '../../lab/vcenter/copied-volume.ts';
import { closeLabs } from '../../lab/vcenter/lab-vcenter.ts';
import { runPeerScript } from '../peer-script.ts';

afterAll(closeLabs);

test('pyVmomi works against the simulated vCenter, and calls no operation it does not serve', async () => {
  const { lab, present } = await openCopiedVolume();
  const { vcenter, authority, events } = lab;
  present(COPY_A, COPY_B);
  const folder = mkdtempSync(path.join(tmpdir(), 'pyvmomi-'));
  const ca = path.join(folder, 'ca.pem');
  writeFileSync(ca, authority.certificate);
  try {
    const script = path.join(__dirname, 'run.py');
    const exitCode = await runPeerScript(script, [vcenter.url, ca, 'admin@vsphere.local', 'secret', 'resignature']);
    // One check asks for all properties of all kinds; the lab does not hold every one and says so in the event log.
    const unserved = events.events.filter(
      ({ kind, detail }) => kind === 'unserved' && !String(detail.what).startsWith('property '),
    );
    expect(unserved.map(({ operation, object }) => `${operation} ${object}`)).toEqual([]);
    expect(exitCode).toBe(0);
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 120_000);

async function runInGuest(
  script: string,
  { vcenter: lab, vm, close }: Pick<LinuxToolsWorld, 'vcenter' | 'vm' | 'close'>,
  account: readonly string[],
): Promise<void> {
  const { vcenter, authority, events } = lab;
  const folder = mkdtempSync(path.join(tmpdir(), 'pyvmomi-'));
  const ca = path.join(folder, 'ca.pem');
  writeFileSync(ca, authority.certificate);
  try {
    const words = [vcenter.url, ca, 'admin@vsphere.local', 'secret', vm.name, ...account];
    const exitCode = await runPeerScript(path.join(__dirname, script), words);
    expect(events.events.filter(({ kind }) => kind === 'unserved')).toEqual([]);
    expect(exitCode).toBe(0);
  } finally {
    await close();
    rmSync(folder, { recursive: true });
  }
}

test('pyVmomi moves files and starts programs by guest operations, and meets their rules', async () => {
  const world = await startLinuxToolsWorld();
  await runInGuest('guest_operations.py', world, ['root', world.accounts.password]);
}, 120_000);

test('pyVmomi does so in a Windows guest, and freezes it by the verbs of the helper', async () => {
  const world = await startWindowsToolsWorld();
  await runInGuest('windows_guest_operations.py', world, [...world.account, ...world.diskUuids]);
}, 120_000);
