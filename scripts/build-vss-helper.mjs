// npm run build:guest:windows: builds the programs for Windows guests into dist/guest/windows-x64/ and windows-x86/:
// snaphook-vss.exe, snaphook-vss-provider.dll and plug-ins/. Needs mingw-w64 and its tools (Debian: mingw-w64-tools and
// g++-mingw-w64-x86-64-win32, for 32 bits g++-mingw-w64-i686-win32). Without them it says so, and everything else works.
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { helpOnRequest } from './help.mjs';
import { linkedFiles, TELL_LINKED } from './linked-files.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const sources = path.join(root, 'guest', 'windows');
const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));

const TRIPLETS = { x64: 'x86_64-w64-mingw32', x86: 'i686-w64-mingw32' };
export const VSS_HELPER_ARCHITECTURES = Object.keys(TRIPLETS);
/** Debian's packages with what builds them. */
export const MINGW_PACKAGES = ['mingw-w64-tools', 'g++-mingw-w64-x86-64-win32', 'g++-mingw-w64-i686-win32'];

const COMPILE = [
  ...['-std=c++17', '-Wall', '-Wextra', '-Werror', '-fno-exceptions', '-fno-rtti'],
  ...['-ffunction-sections', '-fdata-sections', '-DUNICODE', '-D_UNICODE', '-D_WIN32_WINNT=0x0601'],
  `-DSNAPHOOK_VERSION="${version}"`,
];
/** Of a DLL: otherwise the linker makes one of the output's path. Windows moves it anyway. */
const IMAGE_BASES = { x64: '0x180000000', x86: '0x10000000' };

/**
 * Without a time stamp the same sources give the same bytes. The fix-up: exports have their plain names on 32 bits too.
 */
const LINK = [
  ...['-static', '-s', '-municode', '-Wl,--no-insert-timestamp', '-Wl,--gc-sections'],
  ...['-Wl,--nxcompat', '-Wl,--dynamicbase', '-Wl,--enable-stdcall-fixup'],
];
const LIBRARIES = ['-lole32', '-loleaut32', '-luuid', '-ladvapi32'];

const cppFiles = (folder) =>
  readdirSync(path.join(sources, folder))
    .filter((name) => name.endsWith('.cpp'))
    .sort()
    .map((name) => path.posix.join(folder, name));

/**
 * The files of a folder are compiled as one: the headers of Windows take longer than all of ours. So the names in their unnamed
 * namespaces are different from each other.
 */
const unit = (folder) => ({ name: folder.replaceAll('/', '-'), files: cppFiles(folder) });
const single = (file) => ({ name: file.replaceAll('/', '-'), files: [file] });
const TOP = ['class-entry.cpp', 'window.cpp'].map(single);

const ofRequestor = (...names) => names.map((name) => `requestor/${name}.cpp`);

/** One program that is what its name says. */
const PLUG_INS = ['postgresql', 'mysql', 'mariadb', 'mongodb'].map((name) => `plug-ins/${name}.exe`);

const PROGRAMS = {
  'snaphook-vss.exe': {
    description: 'snaphook VSS helper',
    units: () => [...TOP, unit('registration'), unit('requestor'), unit('requestor/applications')],
    // The name must not be taken from Windows' folder alone: tests put their own vssapi.dll beside the program.
    libraries: ['-lvssapi', '-lwevtapi'],
  },
  'snaphook-vss-provider.dll': {
    description: 'snaphook VSS provider',
    units: () => [...TOP, unit('provider')],
    definitions: 'provider/provider.def',
    typeLibrary: 'provider/provider.idl',
    libraries: [],
  },
  'plug-in.exe': {
    description: 'snaphook application plug-in',
    units: () => [
      {
        name: 'plug-ins',
        files: [
          ...ofRequestor('json-reader', 'json-writer', 'stream', 'words', 'applications/trusted-files'),
          ...cppFiles('plug-ins'),
          ...cppFiles('plug-ins/databases'),
        ],
      },
    ],
    libraries: [],
    copies: PLUG_INS,
  },
};

/** What becomes of a program. */
const filesOf = (programs) => Object.entries(programs).flatMap(([name, { copies }]) => copies ?? [name]);

/** For tests under Wine: what takes the place of Windows' own VSS, an application that it freezes, and the provider's checks. */
const TEST_PROGRAMS = {
  'application.exe': {
    description: 'application of tests',
    units: () => [unit('test/application')],
    libraries: [],
  },
  'provider-checks.exe': {
    description: 'checks of the provider',
    units: () => [single('window.cpp'), unit('test/provider')],
    libraries: [],
  },
  'registration-checks.exe': {
    description: 'checks of install and uninstall',
    units: () => [
      ...[single('class-entry.cpp'), single('requestor/applications/quiet-record.cpp')],
      ...[unit('registration'), unit('test/registration')],
    ],
    libraries: [],
  },
  'site-program.exe': {
    description: "a site's script or plug-in in tests",
    units: () => [unit('test/site-program')],
    libraries: [],
  },
  'database-client.exe': {
    description: 'stand-in for clients of databases',
    units: () => [unit('test/databases')],
    libraries: [],
  },
  'database-service.exe': {
    description: 'stand-in for servers of databases',
    units: () => [unit('test/database-service')],
    libraries: [],
  },
  'vssapi.dll': {
    description: 'stand-in for tests',
    units: () => [unit('test/stand-in')],
    definitions: 'test/stand-in/vssapi.def',
    libraries: [],
  },
};

/** Returns what it said. */
function must(command, args) {
  const options = { cwd: sources, stdio: ['ignore', 'pipe', 2], encoding: 'utf8' };
  const { error, status, stdout } = spawnSync(command, args, options);
  if (status !== 0)
    throw new Error(`${command} could not build a program for Windows guests: ${error?.message ?? status}`);
  return stdout;
}

/** Beside the programs: what is linked into each. */
const LINKED = 'linked.json';

const is32Bit = (arch) => arch === 'x86';

/** widl writes the time of the day into what it makes, as text and as a number. */
const TIME_OF_WIDL = /(?<=Created by WIDL version \S+ at ).{24}(\nW*..).{4}/s;

function makeTypeLibrary(triplet, arch, idl, output) {
  must(`${triplet}-widl`, ['-t', is32Bit(arch) ? '-m32' : '-m64', '-o', output, idl]);
  const library = readFileSync(output, 'latin1');
  if (!TIME_OF_WIDL.test(library)) throw new Error('widl wrote its time in another way than known');
  writeFileSync(output, library.replace(TIME_OF_WIDL, 'Thu Jan  1 00:00:00 1970$1\0\0\0\0'), 'latin1');
}

const definition = (name, value) => `#define ${name} ${value}\n`;

/** Version and description, and the type library where there is one, as objects to link. */
function resources(triplet, arch, folder, name, { description, typeLibrary }) {
  writeFileSync(
    path.join(folder, 'version-info.h'),
    definition('SNAPHOOK_VERSION', `"${version}"`) +
      definition('SNAPHOOK_VERSION_NUMBERS', `${version.split('.').join(',')},0`) +
      definition('SNAPHOOK_FILE_TYPE', name.endsWith('.dll') ? 'VFT_DLL' : 'VFT_APP') +
      definition('SNAPHOOK_FILE_NAME', `"${name}"`) +
      definition('SNAPHOOK_FILE_DESCRIPTION', `"${description}"`),
  );
  const compile = (script) => {
    const object = path.join(folder, `${path.basename(script)}.o`);
    must(`${triplet}-windres`, ['-I', folder, script, object]);
    return object;
  };
  if (typeLibrary === undefined) return [compile('version.rc')];
  makeTypeLibrary(triplet, arch, typeLibrary, path.join(folder, 'provider.tlb'));
  return ['version.rc', 'provider/type-library.rc'].map(compile);
}

/** Where the compiler finds it. */
function writeUnit(folder, { name, files }) {
  const file = path.join(folder, `${name}.unit.cpp`);
  writeFileSync(file, files.map((source) => `#include "${source}"\n`).join(''));
  return file;
}

/** Returns the files of others that are linked into it. */
function buildProgram(arch, output, name, program, optimisation) {
  const triplet = TRIPLETS[arch];
  const folder = mkdtempSync(path.join(tmpdir(), 'snaphook-mingw-'));
  try {
    const said = must(`${triplet}-g++-win32`, [
      optimisation,
      TELL_LINKED,
      ...COMPILE,
      ...['-I', '.', ...LINK],
      ...(is32Bit(arch) ? [] : ['-Wl,--high-entropy-va']),
      ...(name.endsWith('.dll') ? ['-shared', `-Wl,--image-base=${IMAGE_BASES[arch]}`] : []),
      ...program.units().map((one) => writeUnit(folder, one)),
      ...(program.definitions === undefined ? [] : [program.definitions]),
      ...resources(triplet, arch, folder, name, program),
      ...program.libraries,
      ...LIBRARIES,
      ...['-o', output],
    ]);
    return linkedFiles(said);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const runs = (command) => spawnSync(command, ['-V'], { stdio: 'ignore' }).error === undefined;

/** False, with the reason on standard error, where no compiler for this kind of processor is there. */
export function hasMingw(arch) {
  const missing = ['g++-win32', 'windres', 'widl']
    .map((tool) => `${TRIPLETS[arch]}-${tool}`)
    .find((tool) => !runs(tool));
  if (missing === undefined) return true;
  console.error(`The programs for ${arch} Windows guests are not built: there is no ${missing}.`);
  return false;
}

function copyInto(from, to) {
  mkdirSync(path.dirname(to), { recursive: true });
  copyFileSync(from, to);
}

function buildAll(arch, output, programs, optimisation) {
  mkdirSync(output, { recursive: true });
  const made = mkdtempSync(path.join(output, 'made-'));
  try {
    const linked = Object.entries(programs).flatMap(([name, program]) => {
      const files = buildProgram(arch, path.join(made, name), name, program, optimisation);
      for (const copy of program.copies ?? []) copyInto(path.join(made, name), path.join(made, copy));
      return (program.copies ?? [name]).map((file) => [file, files]);
    });
    writeFileSync(path.join(made, LINKED), JSON.stringify(Object.fromEntries(linked)));
    // Whole or not at all, as others may build the same at the same time.
    for (const name of [...filesOf(programs), LINKED]) {
      mkdirSync(path.dirname(path.join(output, name)), { recursive: true });
      renameSync(path.join(made, name), path.join(output, name));
    }
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
}

const changedMs = (file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs;

function isUpToDate(output) {
  const inputs = [path.join(root, 'package.json'), fileURLToPath(import.meta.url)];
  for (const file of readdirSync(sources, { recursive: true })) inputs.push(path.join(sources, file));
  const newestInputMs = Math.max(...inputs.map(changedMs));
  return [...filesOf(PROGRAMS), LINKED].every((name) => changedMs(path.join(output, name)) > newestInputMs);
}

/**
 * Builds program, DLL and plug-ins for a kind of processor when a source is newer, and returns their folder; undefined, with the reason on
 * standard error, where they cannot be built.
 */
function buildVssHelper(arch) {
  const built = path.join(root, 'dist', 'guest', `windows-${arch}`);
  if (!hasMingw(arch)) return undefined;
  if (!isUpToDate(built)) buildAll(arch, built, PROGRAMS, '-Os');
  return built;
}

/**
 * Puts program, DLL and plug-ins for a kind of processor into a folder, and returns by their names the files of others that are linked into
 * them; nothing, and it is said, where they cannot be built.
 */
export function putVssHelper(arch, folder) {
  const built = buildVssHelper(arch);
  if (built === undefined) return {};
  for (const name of filesOf(PROGRAMS)) copyInto(path.join(built, name), path.join(folder, name));
  return JSON.parse(readFileSync(path.join(built, LINKED), 'utf8'));
}

/** `folder`: of a test. */
export function buildVssTestPrograms(folder) {
  buildAll('x64', folder, TEST_PROGRAMS, '-O0');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  helpOnRequest(import.meta.url);
  for (const arch of VSS_HELPER_ARCHITECTURES) buildVssHelper(arch);
}
