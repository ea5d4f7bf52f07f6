// npm run release:notes [-- --release FOLDER] [--no-rebuild]: prints, as Markdown, how large the files of a release are, how fast its Linux
// executable starts beside the Node that is inside it (hyperfine; as root on Debian it is installed), and whether the same commit gives the
// same bytes once more, in a folder of another name. Exit code 1 when a goal is missed, 2 without a release; --no-rebuild leaves the last
// one out, and says so.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { root, version } from '../scripts/bundle-options.mjs';
import { installPackages, must } from '../scripts/debian.mjs';
import { helpOnRequest } from '../scripts/help.mjs';
import { installBase, runOnBase } from './executables.mjs';

helpOnRequest(import.meta.url);
const { values } = parseArgs({
  options: { release: { type: 'string' }, 'no-rebuild': { type: 'boolean', default: false } },
});
const release = path.resolve(values.release ?? path.join(root, 'build/release'));
/** Of `--version`, times an empty program. */
const GOAL = 1.3;
const RUNS = 31;
const scratch = mkdtempSync(path.join(tmpdir(), 'snaphook-notes-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));

const megabytes = (bytes) => (bytes / 1e6).toFixed(bytes < 1e6 ? 3 : 1);

const names = filesOf(release);

/** Ends the program where there is no release for Linux. */
function filesOf(folder) {
  if (existsSync(path.join(folder, 'SHA256SUMS')) && existsSync(path.join(folder, 'snaphook')))
    return readdirSync(folder, { recursive: true }).filter((file) => statSync(path.join(folder, file)).isFile());
  console.error(`"${folder}" has no release for Linux: npm run package`);
  process.exit(2);
}

function sizes() {
  return [
    '| file | bytes | MB |',
    '|---|---:|---:|',
    ...names.sort().map((file) => {
      const bytes = statSync(path.join(release, file)).size;
      return `| \`${file}\` | ${bytes} | ${megabytes(bytes)} |`;
    }),
  ];
}

/** The calls one after the other, each many times, started without a shell. */
function startUp() {
  installBase();
  const hook = path.join(scratch, 'pre-backup');
  symlinkSync(path.join(release, 'snaphook'), hook);
  const calls = [
    ['node -e 0', [runOnBase(['--print', 'process.execPath']).trim(), '-e', '0']],
    ['snaphook --version', [path.join(release, 'snaphook'), '--version']],
    ['snaphook --help', [path.join(release, 'snaphook'), '--help']],
    ['pre-backup --help', [hook, '--help']],
  ];
  const report = path.join(scratch, 'hyperfine.json');
  const quoted = (words) => words.map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`).join(' ');
  const options = ['--shell=none', '--warmup=3', `--runs=${RUNS}`, '--style=none', `--export-json=${report}`];
  must('hyperfine', [...options, ...calls.map(([, words]) => quoted(words))]);
  const medians = JSON.parse(readFileSync(report, 'utf8')).results.map(({ median }) => median);
  const ratios = medians.map((median) => median / medians[0]);
  const isMet = ratios[1] <= GOAL;
  const lines = [
    `Median of ${RUNS} calls (\`hyperfine --shell=none\`), beside the Node that is inside. Goal: \`--version\` in ${GOAL} × \`node -e 0\`: ${isMet ? 'met' : 'missed'}.`,
    '',
    '| call | ms | × `node -e 0` |',
    '|---|---:|---:|',
    ...calls.map(
      ([name], index) => `| \`${name}\` | ${(medians[index] * 1000).toFixed(1)} | ${ratios[index].toFixed(2)} |`,
    ),
  ];
  return { lines, isMet };
}

const git = (...words) => execFileSync('git', words, { cwd: root, encoding: 'utf8' }).trim();
const sumsOf = (folder) =>
  new Map(
    readFileSync(path.join(folder, 'SHA256SUMS'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => [line.slice(66), line.slice(0, 64)]),
  );

/** Of the commit, which need not be what the release was made of: then it differs, too. */
function reproducibility() {
  if (values['no-rebuild']) return { lines: ['Not looked at.'], isMet: true };
  const folder = path.join(scratch, 'of another name');
  mkdirSync(folder);
  const archive = execFileSync('git', ['archive', 'HEAD'], { cwd: root, maxBuffer: 2 ** 30 });
  execFileSync('tar', ['-x', '-C', folder], { input: archive });
  for (const modules of ['node_modules', 'packaging/base/node_modules'])
    symlinkSync(path.join(root, modules), path.join(folder, modules));
  // Of the same systems as the release, which may be of one.
  const target = names.includes('snaphook.exe') ? 'all' : 'linux';
  const { status } = spawnSync(process.execPath, ['packaging/package.mjs', '--target', target], {
    cwd: folder,
    stdio: ['ignore', 2, 2],
    env: { ...process.env, SOURCE_DATE_EPOCH: git('log', '-1', '--format=%ct') },
  });
  if (status !== 0) return { lines: ['It could not be built once more.'], isMet: false };
  const [here, there] = [release, path.join(folder, 'build/release')].map(sumsOf);
  const all = [...new Set([...here.keys(), ...there.keys()])].sort();
  const different = all.filter((name) => here.get(name) !== there.get(name));
  const said = `Built once more of commit ${git('rev-parse', '--short', 'HEAD')}, in a folder of another name:`;
  if (different.length === 0) return { lines: [`${said} the same bytes of all ${all.length} files.`], isMet: true };
  return { lines: [`${said} **other bytes** of ${different.map((name) => `\`${name}\``).join(', ')}.`], isMet: false };
}

installPackages(['hyperfine']);
const started = startUp();
const again = reproducibility();
const sections = [
  [`# snaphook ${version}`],
  ['## Sizes', '', ...sizes()],
  ['## Start-up', '', ...started.lines],
  ['## Reproducibility', '', ...again.lines],
];
process.stdout.write(`${sections.map((lines) => lines.join('\n')).join('\n\n')}\n`);
process.exitCode = started.isMet && again.isMet ? 0 : 1;
