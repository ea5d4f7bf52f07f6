// A folder for Wine 8 in which Node 24 starts.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { must, run } from './debian.mjs';

const EXPORT = '\0VirtualAlloc2\0VirtualAlloc2FromApp\0';
const BUILT_IN = 'Wine builtin DLL';

/** Makes it and returns the environment that programs need to run in it. */
export function winePrefix(folder) {
  mkdirSync(folder, { recursive: true });
  const settings = {
    WINEPREFIX: folder,
    WINEARCH: 'win64',
    WINEDEBUG: '-all',
    // Neither .NET nor a browser is wanted, and both would ask.
    WINEDLLOVERRIDES: 'mscoree,mshtml=',
  };
  const options = { env: { ...process.env, ...settings }, stdio: 'ignore' };
  must('wine', ['wineboot', '-i'], options);
  must('wine', ['reg', 'add', 'HKCU\\Software\\Wine', '/v', 'Version', '/d', 'win10', '/f'], options);
  const overrides = 'HKCU\\Software\\Wine\\DllOverrides';
  must('wine', ['reg', 'add', overrides, '/v', 'kernelbase', '/d', 'native,builtin', '/f'], options);
  must('wineserver', ['-w'], options);
  hidePlaceholders(path.join(folder, 'drive_c/windows/system32/kernelbase.dll'));
  return settings;
}

/** Ends what runs in it; afterwards the folder may go. */
export function stopWine(settings) {
  for (const word of ['-k', '-w']) run('wineserver', [word], { env: { ...process.env, ...settings } });
}

/**
 * Wine 8 has VirtualAlloc2 but not the placeholders that V8 takes it for: the name is changed in this folder's copy, and V8 does
 * without. Wine prefers its own file as long as the copy says it is built in.
 */
function hidePlaceholders(file) {
  const bytes = readFileSync(file);
  const replaceAll = (from, to) => {
    for (let at = bytes.indexOf(from, 'latin1'); at >= 0; at = bytes.indexOf(from, at + 1, 'latin1'))
      bytes.write(to, at, 'latin1');
  };
  if (!bytes.includes(EXPORT, 0, 'latin1') || !bytes.includes(BUILT_IN, 0, 'latin1'))
    throw new Error('needs Wine 8: another kernelbase.dll is not known to need this change');
  replaceAll(EXPORT, EXPORT.replace('2', '1'));
  replaceAll(BUILT_IN, 'Wine changed DLL');
  writeFileSync(file, bytes);
}
