import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DEFAULT_LIMITS } from '../../../src/job/job-spec.ts';
import { openSite, type Site, type SiteChange } from './site.ts';

const SQL_WRITER = 'a65faa63-5ea8-4ebc-9dbd-a0c4db26912a';

let site: Site;
beforeAll(async () => {
  site = await openSite();
});
afterAll(() => site.close());
afterEach(() => {
  site.lab.faults.clear();
  expect(site.leftBehind()).toEqual([]);
});

/** A copy of the site's configuration with one stretch of text replaced. */
function changedConfig(name: string, replace: (text: string) => string): string {
  const file = path.join(site.lab.directory, `${name}.yaml`);
  const before = readFileSync(site.lab.configFile, 'utf8');
  const after = replace(before);
  expect(after).not.toBe(before);
  writeFileSync(file, after);
  return file;
}

const wrongSecret = (name: 'vcenter' | 'array' | 'guest') => (): SiteChange => {
  process.env.WRONG_SECRET = 'not the password';
  return {
    configFile: changedConfig(`wrong-${name}`, (text) =>
      text.replace(`file:${site.lab.directory}/secrets/${name}`, 'env:WRONG_SECRET'),
    ),
  };
};

/** VMs without settings for their guest. */
const unfrozen = { freeze: 'none', grade: 'crash' } as const;

test.each<[string, () => SiteChange, string, RegExp]>([
  [
    'a deadline in which nothing could be undone',
    () => ({
      configFile: changedConfig('no-time', (text) =>
        text.replace('settleSeconds:', 'deadlineSeconds: 0.2\n      settleSeconds:'),
      ),
    }),
    'E_CONFIG',
    /deadline of hooks \(0\.2 s\) is not longer than settleSeconds/,
  ],
  ['a VM that does not exist', () => ({ vms: ['nosuch'] }), 'E_VM_NOT_FOUND', /"nosuch"/],
  ['two VMs of one name', () => ({ vms: ['dup'] }), 'E_VM_AMBIGUOUS', /2 VMs match "dup"/],
  ['a template', () => ({ vms: ['template01'] }), 'E_DISK_UNSUPPORTED', /"template01".*template/],
  ['a disk on NFS', () => ({ vms: ['nfs01'] }), 'E_DISK_UNSUPPORTED', /"nfs01"/],
  ['a disk that maps to no device', () => ({ vms: ['lost01'], spec: unfrozen }), 'E_DEVICE_NOT_FOUND', /"lost01"/],
  [
    'a disk that maps to two devices',
    () => ({ vms: ['twin01'], spec: unfrozen }),
    'E_DEVICE_AMBIGUOUS',
    /"twin01".*2 devices/,
  ],
  [
    'a datastore with unprepared neighbours',
    () => ({ vms: ['web01'], spec: unfrozen }),
    'E_COLLATERAL',
    /"vmfs-ds01" also holds .*"app02"/,
  ],
  [
    'no target of the size',
    () => ({ vms: ['oversized01'], spec: { freeze: 'none', grade: 'crash' } }),
    'E_TARGET_NONE',
    /999 cylinders/,
  ],
  [
    'a guest that is to be frozen and has no settings',
    () => ({ vms: ['lonely01'] }),
    'E_CONFIG',
    /"lonely01" cannot be frozen: there are no settings/,
  ],
  ['no VM at all', () => ({ spec: { vms: [] } }), 'E_USAGE', /selects no VM/],
  ['a wrong vCenter password', wrongSecret('vcenter'), 'E_VCENTER_LOGIN', /vCenter/i],
  ['a wrong array password', wrongSecret('array'), 'E_ARRAY_LOGIN', /./],
  ['a wrong guest password', wrongSecret('guest'), 'E_GUEST_LOGIN', /sql01|svc-snaphook/],
  [
    'an untrusted certificate',
    () => ({
      configFile: changedConfig('untrusted', (text) =>
        text.replaceAll(/caFile: .*/g, `fingerprint256: "${'00'.repeat(32)}"`),
      ),
    }),
    'E_TLS_UNTRUSTED',
    /certificate/,
  ],
  [
    'a guest that cannot be reached',
    () => ({ configFile: changedConfig('unreachable', (text) => text.replace(/port: \d+/, 'port: 9')) }),
    'E_GUEST_UNREACHABLE',
    /"sql01"/,
  ],
  [
    'a guest without settings',
    () => ({
      configFile: changedConfig('no-guest', (text) =>
        text.replace('      - sql01\n    winrm', '      - other\n    winrm'),
      ),
    }),
    'E_CONFIG',
    /"sql01"/,
  ],
  ['a pool that is empty', () => ({ spec: { targetPool: 'SG-spare' } }), 'E_TARGET_NONE', /"SG-spare" holds no device/],
  [
    'targets that another host sees',
    () => ({ spec: { targetPool: 'SG-snaphook-pool', proxyHost: 'proxy99' } }),
    'E_TARGET_UNFIT',
    /"proxy01"/,
  ],
])('%s is a clear coded error with a hint, and nothing is left', async (_name, change, code, message) => {
  const error = await site.failingPre(change());

  expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
  expect(error.hint).toEqual(expect.stringMatching(/\w/));
});

test('a writer that fails in the freeze fails the run by its name; the guest writes again', async () => {
  const heal = site.lab.guest.vss.failWriter(SQL_WRITER, 'freeze', '0x800423F4');
  try {
    const error = await site.failingPre();

    expect(error).toMatchObject({ code: 'E_WRITER_FAILED', message: expect.stringContaining('SqlServerWriter') });
  } finally {
    heal();
  }
});

test('with onLowerGrade degrade the same run is handed over with the lower grade and the reason', async () => {
  const heal = site.lab.guest.vss.failWriter(SQL_WRITER, 'freeze', '0x800423F4');
  try {
    const result = await site.pre({ spec: { onLowerGrade: 'degrade' } });

    expect(result.degraded).toBe(true);
    expect(result.capture.vms[0]).toMatchObject({
      grade: 'filesystem',
      reasons: [expect.stringContaining('SqlServerWriter')],
    });
    const manifest = readFileSync(path.join(result.directory, result.manifest), 'utf8');
    expect(JSON.parse(manifest)).toMatchObject({ version: 1, vms: [{ name: 'sql01', grade: 'filesystem' }] });
  } finally {
    heal();
    await site.post();
  }
});

test('an array that is slower than the window allows: the guest is thawed in time and the run fails with the window code', async () => {
  site.lab.faults.add({
    system: 'array',
    operation: 'POST private/snapshot',
    when: 'before',
    action: { do: 'delay', delayMs: 1200 },
  });
  const limits = { ...DEFAULT_LIMITS, establishMs: 300, settleMs: 1500 };

  const error = await site.failingPre({ spec: { limits } });

  expect(error.code).toBe('E_FREEZE_WINDOW');
});

test('an establish whose answer is lost counts as crash-consistent at best, and is cleaned up', async () => {
  site.lab.faults.add({
    system: 'array',
    operation: 'POST private/snapshot',
    when: 'after',
    nth: 1,
    action: { do: 'drop' },
  });

  const result = await site.pre({ spec: { grade: 'crash' } });

  expect(result.capture.vms[0]).toMatchObject({
    grade: 'crash',
    reasons: [expect.stringContaining('did not confirm')],
  });
  await site.post();
});

test('a link whose answer is lost is looked for and found', async () => {
  site.lab.faults.add({
    system: 'array',
    operation: 'PUT private/snapshot Link',
    when: 'after',
    nth: 1,
    action: { do: 'drop' },
  });

  await site.pre();
  await site.post();
});

test('a second run while one is open is refused; the open one is not touched', async () => {
  const first = await site.pre();

  const error = await site.failingPre();

  expect(error).toMatchObject({ code: 'E_RUN_OPEN', message: expect.stringContaining(first.runId) });
  expect(site.lab.store.device(first.plan.devices[0]?.target ?? '')?.isTarget).toBe(true);
  await site.post();
});

test('with onOpenRun replace the open run is ended and the new one gets through', async () => {
  const first = await site.pre();

  const second = await site.pre({ spec: { onOpenRun: 'replace' } });

  expect(second.runId).not.toBe(first.runId);
  await site.post();
});

test('post without pre says that there is nothing to do', async () => {
  await expect(site.post()).rejects.toMatchObject({ code: 'E_NO_RUN', hint: expect.stringMatching(/\w/) });
});

test('an interrupted run unwinds completely', async () => {
  const abort = new AbortController();
  site.lab.faults.add({
    system: 'array',
    operation: 'PUT private/snapshot Link',
    when: 'before',
    action: { do: 'call', run: () => abort.abort(new Error('interrupted')) },
  });

  await expect(site.pre({ signal: abort.signal })).rejects.toThrow();
});

test('a hand-over directory that cannot be made is refused before a guest is touched', async () => {
  const freezes = () => site.lab.events.events.filter(({ operation }) => operation === 'Freeze').length;
  const before = freezes();

  const error = await site.failingPre({ spec: { exportDirectory: '/dev/full/images' } });

  expect(error.code).toBe('E_EXPORT');
  expect(freezes()).toBe(before);
});

test('targets that never appear on the proxy fail the run with the proxy code', async () => {
  const configFile = changedConfig('no-devices', (text) =>
    text.replace(/devices: .*by-id/, `devices: ${site.lab.directory}/secrets`),
  );

  const error = await site.failingPre({
    configFile,
    spec: { limits: { ...DEFAULT_LIMITS, devicesMs: 300, settleMs: 300 } },
  });

  expect(error).toMatchObject({
    code: 'E_PROXY_DEVICE',
    message: expect.stringMatching(/target "\w{5}" to host "proxy01": LUN \d+ at iqn\S+ by view "MV-snaphook-pool"/),
    hint: expect.stringMatching(/masking view/),
  });
});
