import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import ssh2 from 'ssh2';
import { type LabLinuxGuest, startLinuxGuest } from '../../../src/lab/linux-guest/linux-guest.ts';
import { EventLog } from '../../../src/lab/world/events.ts';
import { FaultRules } from '../../../src/lab/world/faults.ts';
import { Pace } from '../../../src/lab/world/pace.ts';
import { memoryDevice } from '../../lab/guest/memory-device.ts';

const HELPER = '/usr/local/sbin/snaphook-freeze';
let folder: string;
let guest: LabLinuxGuest;
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'snaphook-openssh-'));
  const right = ssh2.utils.generateKeyPairSync('ecdsa', { bits: 256 });
  const wrong = ssh2.utils.generateKeyPairSync('ecdsa', { bits: 256 });
  writeFileSync(path.join(folder, 'right'), right.private, { mode: 0o600 });
  writeFileSync(path.join(folder, 'wrong'), wrong.private, { mode: 0o600 });
  const events = new EventLog();
  guest = await startLinuxGuest({
    name: 'pg01',
    events,
    faults: new FaultRules(events),
    pace: new Pace(1),
    latency: { latencyMs: 0, jitterMs: 0 },
    users: [{ name: 'root', authorizedKeys: [right.public] }],
    disks: [
      {
        uuid: '6000c29a1b2c3d4e5f60718293a4b5c6',
        device: memoryDevice(4096),
        label: 'disk',
        mount: { mountPoint: '/', fileSystem: 'ext4' },
      },
    ],
  });
  writeFileSync(path.join(folder, 'known_hosts'), `[127.0.0.1]:${guest.port} ${guest.hostKeyLine}\n`);
});
afterAll(async () => {
  await guest.close();
  rmSync(folder, { recursive: true, force: true });
});

/** OpenSSH's client, which trusts nothing but the known_hosts file of this suite. */
async function ssh(key: string, command: string, input: string) {
  const options = {
    UserKnownHostsFile: path.join(folder, 'known_hosts'),
    StrictHostKeyChecking: 'yes',
    BatchMode: 'yes',
    IdentitiesOnly: 'yes',
  };
  const settings = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  const child = spawn(
    'ssh',
    ['-F', 'none', ...settings, '-i', path.join(folder, key), '-p', `${guest.port}`, 'root@127.0.0.1', command],
    { stdio: ['pipe', 'pipe', 'pipe'] },
  );
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (data) => {
    stdout += data;
    if (String(data).includes('"frozen"')) child.stdin.write('T');
    if (String(data).includes('"finished"')) child.stdin.end('quit\n');
  });
  child.stderr.on('data', (data) => {
    stderr += data;
  });
  child.stdin.on('error', () => undefined);
  child.stdin.write(input);
  if (!input.includes('freeze\n')) child.stdin.end();
  const [exitCode] = await once(child, 'close');
  return { exitCode, stdout, stderr };
}

test("OpenSSH's client logs in by key, freezes, thaws by one byte, and ends with the exit code of the helper", async () => {
  const input = 'prepare 5000 60000 5000 -\nfilesystem 8:1 /\nready\nfreeze\n';
  const { exitCode, stdout, stderr } = await ssh('right', `'${HELPER}' serve`, input);

  expect([exitCode, stderr]).toEqual([0, '']);
  const events = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).event);
  expect(events).toEqual(['hello', 'ready', 'frozen', 'thawed', 'finished']);
  expect(guest.isFrozen()).toBe(false);
  expect(guest.sessionCount()).toBe(0);
});

test("a key that is not authorized is refused in OpenSSH's words", async () => {
  const { exitCode, stderr } = await ssh('wrong', `${HELPER} serve`, '');

  expect([exitCode, stderr]).toEqual([255, expect.stringMatching(/Permission denied/)]);
});

test('a command that is not there ends with 127', async () => {
  const { exitCode, stderr } = await ssh('right', '/opt/nothing', '');

  expect([exitCode, stderr]).toEqual([127, expect.stringMatching(/No such file/)]);
});
