import { guest } from '../../../src/config/guest-settings.ts';

const windows = (vss: object) =>
  guest.safeParse({ vms: ['sql*'], winrm: { username: 'HOST\\u', password: 'env:PW', ...vss } });

test('a Windows guest makes copies, leaves the hold to the choice and leaves no writer out, unless it is told otherwise', () => {
  expect(windows({}).data?.winrm).toMatchObject({ backupType: 'copy', hold: 'auto', excludedWriters: [] });
});

test.each([
  [{ holdSeconds: 9 }, true],
  [{ hold: 'commit', holdSeconds: 9.5 }, false],
  [{ hold: 'precommit', holdSeconds: 55 }, true],
  [{ hold: 'precommit', holdSeconds: 56 }, false],
  [{ holdSeconds: 0 }, false],
  [{ excludedWriters: ['4969d978-be47-48b0-b100-f328f07ac1e0'] }, true],
  [{ excludedWriters: ['BITS Writer'] }, false],
  [{ requiredWriters: [] }, false],
  [{ backupType: 'incremental' }, false],
  [{ applications: ['postgresql'], scriptSeconds: 60 }, true],
  [{ applications: ['post gres'] }, false],
  [{ scriptSeconds: 301 }, false],
])('%j is taken: %s', (vss, isTaken) => {
  expect(windows(vss).success).toBe(isTaken);
});

const PLACES = {
  winrm: { winrm: { username: 'HOST\\u', password: 'env:PW' } },
  full: { winrm: { username: 'HOST\\u', password: 'env:PW', backupType: 'full' } },
  windowsSsh: { ssh: { os: 'windows', username: 'u', password: 'env:PW', knownHosts: '/k' } },
  windowsTools: { guestOperations: { os: 'windows', username: 'u', password: 'env:PW' } },
  applicationBySsh: {
    ssh: { os: 'windows', username: 'u', password: 'env:PW', knownHosts: '/k', applications: ['pg'] },
  },
  applicationByTools: { guestOperations: { os: 'windows', username: 'u', password: 'env:PW', applications: ['pg'] } },
  fullByTools: { guestOperations: { os: 'windows', username: 'u', password: 'env:PW', backupType: 'full' } },
  linuxTools: { guestOperations: { password: 'env:PW' } },
  linuxSsh: { ssh: { password: 'env:PW', knownHosts: '/k' } },
} as const;

test.each([
  ['winrm', 'vss-diskshadow', true],
  ['windowsSsh', 'vss-diskshadow', true],
  ['windowsTools', 'vss-provider', true],
  ['windowsTools', 'vss-diskshadow', true],
  ['fullByTools', 'vss-diskshadow', false],
  ['linuxTools', 'vss-provider', false],
  ['linuxTools', 'auto', true],
  ['linuxSsh', 'vss-diskshadow', false],
  ['linuxSsh', 'auto', true],
  ['full', 'vss-provider', true],
  ['applicationBySsh', 'auto', true],
  ['applicationByTools', 'vss-provider', true],
  // The helper alone runs scripts and plug-ins.
  ['applicationBySsh', 'vss-diskshadow', false],
  // Shadow copies are copy backups.
  ['full', 'vss-diskshadow', false],
] as const)('a guest by %s may have the strategy %s: %s', (place, strategy, isTaken) => {
  expect(guest.safeParse({ vms: ['sql*'], ...PLACES[place], strategy }).success).toBe(isTaken);
});
