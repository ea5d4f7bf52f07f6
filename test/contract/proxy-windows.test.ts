import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type PowerShellProgram, startPowerShellProgram } from '../../src/lab/proxy/windows/powershell-program.ts';
import { WindowsMachine } from '../../src/lab/proxy/windows/windows-machine.ts';
import { systemClock } from '../../src/platform/clock.ts';
import type { Clock } from '../../src/ports/clock.ts';
import { wwn } from '../../src/ports/identity.ts';
import { createPowerShell } from '../../src/proxy/windows/powershell-session.ts';
import { SeenDevices } from '../../src/proxy/windows/windows-disks.ts';
import { createWindowsProxy } from '../../src/proxy/windows/windows-proxy.ts';
import { proxyContract } from './proxy.ts';

const WWN = wwn('60000970000197900046533030303041');
const SIZE_BYTES = 1_966_080;
const soon = () => AbortSignal.timeout(30_000);
/** Twenty times as fast as time, so that rescans come soon. */
const clock: Clock = {
  ...systemClock,
  monotonicMs: () => systemClock.monotonicMs() * 20,
  sleep: (durationMs, signal) => systemClock.sleep(durationMs / 20, signal),
};
const programs: PowerShellProgram[] = [];

afterEach(async () => {
  for (const program of programs.splice(0)) await program.close();
});

async function makeWorld(options: ConstructorParameters<typeof WindowsMachine>[1] = {}) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'snaphook-disks-'));
  const machine = new WindowsMachine(folder, options);
  const program = await startPowerShellProgram(machine);
  programs.push(program);
  const shell = createPowerShell(program.file);
  // What the contract times begins when the program is there.
  await shell.request('Get-Disk', soon());
  const node = (id: string) => path.join(folder, `wwn-0x${id}`);
  return {
    machine,
    program,
    shell,
    proxy: createWindowsProxy(shell, clock, new SeenDevices()),
    node,
    present(id: string, sizeBytes: number) {
      writeFileSync(node(id), '');
      truncateSync(node(id), sizeBytes);
    },
    withdraw: (id: string) => rmSync(node(id)),
  };
}

proxyContract('Windows, simulated cmdlets', () => makeWorld());

test('a device is offline while it is read, and its signature is read in whole sectors', async () => {
  const { proxy, machine, node } = await makeWorld();
  const start = Buffer.alloc(SIZE_BYTES);
  start.writeUInt32LE(0x1234abcd, 440);
  start.writeUInt16LE(0xaa55, 510);
  writeFileSync(node(WWN), start);

  const [device] = await proxy.waitForDevices([{ wwn: WWN, sizeBytes: SIZE_BYTES }], soon());
  if (!device) throw new Error('the device was not found');

  expect(await proxy.signature(device, soon())).toEqual({ diskId: 'mbr:1234abcd', vmfs: undefined });
  expect(machine.disks).toMatchObject([{ isOffline: true, isReadOnly: true }]);
  rmSync(node(WWN));
  await expect(proxy.signature(device, soon())).rejects.toMatchObject({ code: 'E_PROXY_DEVICE' });
});

test('each path as a disk of its own is an error: MPIO is missing', async () => {
  const { proxy, present } = await makeWorld({ hasMpio: false });
  present(WWN, SIZE_BYTES);

  await expect(proxy.waitForDevices([{ wwn: WWN, sizeBytes: SIZE_BYTES }], soon())).rejects.toMatchObject({
    code: 'E_PROXY_DEVICE',
    hint: expect.stringContaining('Multipath-IO'),
  });
});

test('a device that Windows took online by itself is not read: it may have been written to', async () => {
  const { proxy, present, machine } = await makeWorld({ policy: 'OnlineAll' });
  present(WWN, SIZE_BYTES);

  await expect(proxy.waitForDevices([{ wwn: WWN, sizeBytes: SIZE_BYTES }], soon())).rejects.toMatchObject({
    code: 'E_PROXY_DEVICE',
    message: expect.stringContaining('went online'),
  });
  await proxy.releaseDevices([WWN], soon());
  expect(machine.disks).toMatchObject([{ isOffline: true }]);
});

test('a session that ended is an error of the request, and the next request has a new one', async () => {
  const { proxy, program, present } = await makeWorld();
  present(WWN, SIZE_BYTES);
  expect(await proxy.visible([WWN], soon())).toEqual([WWN]);

  program.hang(true);
  const hanging = proxy.visible([WWN], soon());
  const failed = expect(hanging).rejects.toMatchObject({ code: 'E_PROXY', effect: 'unknown' });
  setImmediate(() => program.endSessions());
  await failed;
  program.hang(false);

  expect(await proxy.visible([WWN], soon())).toEqual([WWN]);
});

test('a request that is not answered ends with the reason of its signal, or with its own limit', async () => {
  const { proxy, program } = await makeWorld();
  program.hang(true);
  const abort = new AbortController();

  const hanging = proxy.paths([WWN], abort.signal);
  abort.abort(new Error('enough'));
  await expect(hanging).rejects.toThrow('enough');
  await expect(createPowerShell(program.file, 50).request('Get-Disk', soon())).rejects.toMatchObject({
    code: 'E_PROXY',
    effect: 'unknown',
  });
});

test('requests of several callers get their own answers', async () => {
  const { proxy, present } = await makeWorld();
  present(WWN, SIZE_BYTES);
  await proxy.visible([], soon());

  const answers = await Promise.all([
    proxy.paths([WWN], soon()),
    proxy.visible([WWN], soon()),
    proxy.paths([], soon()),
  ]);

  expect(answers.map((answer) => [...answer].length)).toEqual([1, 1, 0]);
});

test('what a cmdlet refuses is an error with its identity, and the session goes on', async () => {
  const { shell } = await makeWorld();
  const wrong = [
    "Set-Disk -UniqueId 'x' -IsReadOnly $true -IsOffline $true",
    "Set-Disk -UniqueId 'x' -Force $true",
    "Set-Disk -UniqueId 'x' -IsOffline $true",
    "Remove-Disk -UniqueId 'x'",
  ];
  const ids = [
    'AmbiguousParameterSet,Set-Disk',
    'NamedParameterNotFound,Set-Disk',
    'NotFound_UniqueId',
    'CommandNotFound',
  ];

  for (const [index, pipeline] of wrong.entries()) {
    await expect(shell.request(pipeline, soon())).rejects.toMatchObject({
      code: 'E_PROXY',
      message: expect.stringContaining(ids[index] ?? ''),
    });
  }
});

test('a PowerShell that is not there is an error that names it', async () => {
  const proxy = createWindowsProxy(createPowerShell('/nonexistent/powershell.exe'), systemClock, new SeenDevices());

  await expect(proxy.visible([WWN], soon())).rejects.toMatchObject({
    code: 'E_PROXY',
    message: expect.stringContaining('/nonexistent/powershell.exe'),
  });
});
