import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { jobSpec } from '../../../src/cli/compose.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { SnaphookError } from '../../../src/ports/errors.ts';

const GOOD = `version: 1
stateDirectory: /var/lib/snaphook
vcenter:
  url: https://vcenter.example.com
  username: svc
  password: env:VC
arrays:
  - id: "000197900046"
    unisphere: https://unisphere.example.com:8443
    username: svc
    password: file:/etc/snaphook/array
proxy:
  host: proxy01
jobs:
  nightly:
    vms: [sql01]
    targetPool: SG-pool
    exportDirectory: /backup/nightly
`;

const linuxGuest = (change: {
  readonly vms?: string;
  readonly address?: string;
  readonly ssh?: string;
}) => `${GOOD}guests:
  - vms: ${change.vms ?? '[pg01]'}
    address: ${change.address ?? 'pg01.example.com'}
    ssh: ${change.ssh ?? '{ password: env:PG, knownHosts: /etc/snaphook/known_hosts }'}
`;

const folder = () => mkdtempSync(path.join(os.tmpdir(), 'snaphook-config-'));
const written = (text: string, into = folder()) => {
  const file = path.join(into, 'snaphook.yaml');
  writeFileSync(file, text);
  return file;
};
const failure = (file: string): SnaphookError => {
  try {
    loadConfig(file);
  } catch (error) {
    if (error instanceof SnaphookError) return error;
    throw error;
  }
  throw new Error('the configuration was accepted');
};

test('a complete file is read with its defaults', () => {
  const config = loadConfig(written(GOOD));

  expect(config.jobs.nightly).toMatchObject({
    freeze: 'auto',
    grade: 'application',
    onLowerGrade: 'fail',
    timeToLiveHours: 48,
  });
  expect(config.proxy.devices).toBe('/dev/disk/by-id');
});

test('a mistyped key is named with its line and the nearest known key', () => {
  const error = failure(written(GOOD.replace('targetPool:', 'targtPool:')));

  expect(error.code).toBe('E_CONFIG');
  expect(error.message).toMatch(/:17: unknown key "jobs\.nightly\.targtPool"/);
  expect(error.hint).toBe('Did you mean "targetPool"?');
});

test('a job that asks for secured snapshots is refused with the reason', () => {
  expect(() => loadConfig(written(`${GOOD}    secure: true\n`))).toThrow(
    expect.objectContaining({
      code: 'E_CONFIG',
      message: expect.stringContaining('secured snapshots are not supported'),
    }),
  );
});

test('an array may have one server or several, each recognised by something of its own', () => {
  const several = GOOD.replace(
    'unisphere: https://unisphere.example.com:8443',
    'unisphere: [https://a.example.com:8443, { url: "https://b.example.com:8443", tls: { caFile: /b.pem } }]',
  );

  expect(loadConfig(written(several)).arrays[0]?.unisphere).toEqual([
    'https://a.example.com:8443',
    { url: 'https://b.example.com:8443', tls: { caFile: '/b.pem' } },
  ]);
  expect(() => loadConfig(written(several.replace('https://a', 'http://a')))).toThrow(
    expect.objectContaining({ code: 'E_CONFIG' }),
  );
});

test('a Linux guest is read with its defaults', () => {
  const [guest] = loadConfig(written(linuxGuest({}))).guests;

  expect(guest?.ssh).toMatchObject({
    port: 22,
    username: 'root',
    leaseSeconds: 10,
    scriptSeconds: 30,
    applications: [],
  });
});

test('a Windows guest over SSH is read with its defaults, and what is of Linux alone is an unknown key', () => {
  const [guest] = loadConfig(
    written(linuxGuest({ ssh: '{ os: windows, username: svc, password: env:PG, knownHosts: /h }' })),
  ).guests;
  expect(guest?.ssh).toMatchObject({ port: 22, helperPath: 'C:\\Program Files\\snaphook\\snaphook-vss.exe' });

  const error = failure(
    written(linuxGuest({ ssh: '{ os: windows, username: svc, password: env:PG, knownHosts: /h, sudo: true }' })),
  );
  expect(error.message).toMatch(/unknown key "guests\.0\.ssh\.sudo"/);
});

test('a Windows guest by guest operations is read with its defaults, needs an account, and knows no keys of Linux', () => {
  const windows = (more: string) =>
    written(`${GOOD}guests:\n  - vms: [sql01]\n    guestOperations: { os: windows, password: env:PG${more} }\n`);
  const [guest] = loadConfig(windows(', username: svc')).guests;
  expect(guest?.guestOperations).toMatchObject({
    hold: 'auto',
    helperPath: 'C:\\Program Files\\snaphook\\snaphook-vss.exe',
  });

  expect(failure(windows('')).message).toContain('guests.0.guestOperations.username');
  expect(failure(windows(', username: svc, memoryFolder: /dev/shm')).message).toMatch(
    /unknown key "guests\.0\.guestOperations\.memoryFolder"/,
  );
  expect(failure(windows(', username: svc, hold: commit, holdSeconds: 10')).message).toContain('holdSeconds');
});

test('a mistyped key of an SSH guest is told with the nearest one', () => {
  const error = failure(written(linuxGuest({ ssh: '{ pasword: env:PG, knownHosts: /h }' })));
  expect(error.hint).toContain('"password"');
});

test('a secret written into the file is refused without being repeated', () => {
  const error = failure(written(GOOD.replace('env:VC', 'hunter2')));

  expect(error.message).toMatch(/:6: "vcenter\.password": secrets are given by reference/);
  expect(`${error.message} ${error.hint}`).not.toContain('hunter2');
});

test.each([
  [
    'an array id without quotes, which YAML reads as a number',
    GOOD.replace('"000197900046"', '000197900046'),
    /"arrays\.0\.id"/,
  ],
  ['plain http to vCenter', GOOD.replace('https://vcenter', 'http://vcenter'), /"vcenter\.url"/],
  ['a missing section', GOOD.replace(/proxy:\n {2}host: proxy01\n/, ''), /"proxy"/],
  ['a key given twice', `${GOOD}version: 1\n`, /unique/i],
  ['broken YAML', 'jobs: [', /:1:/],
  ['one address for several VMs', linuxGuest({ vms: '["pg*"]' }), /"guests\.0\.address": an address is of one VM/],
  ['a guest without a host key', linuxGuest({ ssh: '{ password: env:PG }' }), /never trusted at first sight/],
  [
    'a guest with two ways to log in',
    linuxGuest({ ssh: '{ password: env:PG, privateKey: file:/k, knownHosts: /h }' }),
    /exactly one of privateKey and password/,
  ],
  ['a guest without a way in', `${GOOD}guests:\n  - vms: [pg01]\n`, /exactly one of winrm \(Windows\), ssh/],
])('%s is refused with file and line', (_name, text, message) => {
  const error = failure(written(text));

  expect(error.code).toBe('E_CONFIG');
  expect(error.message).toMatch(message);
});

test('jobs may stand in conf.d, nothing else may, and no job twice', () => {
  const into = folder();
  const file = written(GOOD, into);
  mkdirSync(path.join(into, 'conf.d'));
  const extra = path.join(into, 'conf.d', '10-weekly.yaml');

  writeFileSync(extra, 'jobs:\n  weekly:\n    targetPool: p\n    exportDirectory: /x\n');
  expect(Object.keys(loadConfig(file).jobs)).toEqual(['nightly', 'weekly']);

  writeFileSync(extra, 'jobs:\n  nightly:\n    targetPool: p\n    exportDirectory: /x\n');
  expect(failure(file).message).toMatch(/10-weekly\.yaml:\d+: job "nightly" is already defined/);

  writeFileSync(extra, 'vcenter: {}\n');
  expect(failure(file).message).toMatch(/only "jobs" may stand here/);
});

test('a missing file is named', () => {
  expect(failure('/nonexistent/snaphook.yaml').message).toContain('/nonexistent/snaphook.yaml');
});

test('files are handed over with every file system checked and every gap refused, unless the job says otherwise', () => {
  const files = (text: string) => loadConfig(written(`${GOOD}${text}`)).jobs.nightly;

  expect(files('    handOver: files\n')).toMatchObject({ handOver: 'files' });
  expect(files('    handOver: files\n    files: { onUnreadable: note }\n')).toMatchObject({
    files: { onUnreadable: 'note' },
  });
  expect(failure(written(`${GOOD}    files: { onUnreadable: note }\n`))).toMatchObject({
    code: 'E_CONFIG',
    message: expect.stringMatching(/"jobs\.nightly\.files": these settings are for `handOver: files`/),
  });
});

test('a job verifies file systems where it hands them over, and else what it names', () => {
  const spec = (text: string) => jobSpec(loadConfig(written(`${GOOD}${text}`)), 'nightly');
  const application = '{ kind: postgresql, vm: pg01, path: /15/main, volume: hard-disk-2/lvm/vg/pg }';

  expect(spec('').verify).toBeUndefined();
  const all = { fileSystems: true, files: [], applications: [] };
  expect(spec('    handOver: files\n').verify).toEqual({ ...all, isDefault: true });
  expect(spec('    handOver: files\n    verify: { fileSystems: true }\n').verify).toEqual(all);
  expect(spec('    handOver: files\n    verify: { fileSystems: false }\n').verify).toBeUndefined();
  const hashed = '    handOver: files\n    verify: { fileSystems: false, fileHashes: true }\n';
  expect(spec(hashed).verify).toEqual({ ...all, fileSystems: false, fileHashes: true });
  expect(spec(`    verify: { applications: [${application}] }\n`).verify).toEqual({
    fileSystems: false,
    files: [],
    applications: [
      { kind: 'postgresql', vm: 'pg01', path: '/15/main', volume: 'hard-disk-2/lvm/vg/pg', limitMs: 120_000 },
    ],
  });
});

test('hashes of files are for a job that hands over files', () => {
  expect(() => loadConfig(written(`${GOOD}    verify: { fileHashes: true }\n`))).toThrow(
    /"jobs\.nightly\.verify\.fileHashes": is of mounted files/,
  );
});

test.each(['fuse', 'nbd'])('nothing is verified of disks that are handed over without a copy (%s)', (handOver) => {
  expect(() => loadConfig(written(`${GOOD}    handOver: ${handOver}\n`))).not.toThrow();
  expect(() => loadConfig(written(`${GOOD}    handOver: ${handOver}\n    verify: { fileSystems: true }\n`))).toThrow(
    /"jobs\.nightly\.verify": replays journals/,
  );
});

test('a length of bands is refused where images are no bands, and where no disk could be cut so', () => {
  const withJobKeys = (keys: string) => written(`${GOOD}${keys}`);

  expect(loadConfig(withJobKeys('    imageFormat: bands\n    bandBytes: 1048576\n')).jobs.nightly).toMatchObject({
    imageFormat: 'bands',
    bandBytes: 1_048_576,
  });
  expect(() => loadConfig(withJobKeys('    bandBytes: 1048576\n'))).toThrow(/imageFormat/);
  expect(() => loadConfig(withJobKeys('    imageFormat: bands\n    bandBytes: 1000000\n'))).toThrow(/bandBytes/);
});

test('changed block tracking is believed only when a job of bands says so, and not on a route that has none', () => {
  const nightly = (keys: string) => loadConfig(written(`${GOOD}${keys}`)).jobs.nightly;
  const withTracking = (more: string) => () => nightly(`    changedRegions: cbt\n${more}`);

  expect(nightly('    imageFormat: bands\n')).toMatchObject({ changedRegions: 'hashes' });
  expect(withTracking('    imageFormat: bands\n')()).toMatchObject({ changedRegions: 'cbt' });
  expect(withTracking('')).toThrow(/changedRegions/);
  expect(withTracking('    imageFormat: bands\n    route: snapvx\n')).toThrow(/changedRegions/);
});
