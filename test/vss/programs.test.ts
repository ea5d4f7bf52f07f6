import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { PROGRAMS } from './wine-program.ts';

const PLUG_INS = ['postgresql', 'mysql', 'mariadb', 'mongodb'].map((name) => `plug-ins/${name}.exe`);
const OURS = ['snaphook-vss.exe', 'snaphook-vss-provider.dll', ...PLUG_INS];

/** The DLLs that every Windows since 7 has, and nothing that would have to be installed. */
const OF_WINDOWS = /^(ADVAPI32|KERNEL32|msvcrt|ole32|OLEAUT32|USER32|VSSAPI|wevtapi)\.dll$/i;

test.each(OURS)('%s needs no runtime: it imports DLLs of Windows alone', (name) => {
  const headers = execFileSync('x86_64-w64-mingw32-objdump', ['-p', path.join(PROGRAMS, name)], { encoding: 'utf8' });
  const imported = [...headers.matchAll(/DLL Name: (\S+)/g)].map(([, dll]) => dll);

  expect(imported.length).toBeGreaterThan(0);
  expect(imported.filter((dll) => !OF_WINDOWS.test(dll ?? ''))).toEqual([]);
});

test.each(OURS)('%s is smaller than half a megabyte', (name) => {
  expect(statSync(path.join(PROGRAMS, name)).size).toBeLessThan(500_000);
});

test.each(OURS)('%s tells its version to the Explorer', (name) => {
  const { version } = JSON.parse(readFileSync(path.join(__dirname, '../../package.json'), 'utf8'));

  const details = readFileSync(path.join(PROGRAMS, name)).toString('utf16le');
  const detailsAtOdd = readFileSync(path.join(PROGRAMS, name)).subarray(1).toString('utf16le');

  expect(`${details}${detailsAtOdd}`).toContain(`FileVersion\0\0${version}`);
});
