import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { RELEASE } from './release.ts';

const ROOT = path.join(__dirname, '../..');

/** The checksums of the release that is looked at, and of one of the same sources in another folder. */
export function checksumsHereAndElsewhere(target: 'linux' | 'windows'): {
  readonly here: string;
  readonly elsewhere: string;
} {
  const sources = execFileSync('git', ['ls-files'], { cwd: ROOT, encoding: 'utf8' }).trimEnd().split('\n');
  const other = path.join(mkdtempSync(path.join(tmpdir(), 'other-')), 'of another name');
  for (const file of sources) {
    mkdirSync(path.dirname(path.join(other, file)), { recursive: true });
    cpSync(path.join(ROOT, file), path.join(other, file), { preserveTimestamps: true });
  }
  for (const folder of ['node_modules', 'packaging/base/node_modules'])
    symlinkSync(path.join(ROOT, folder), path.join(other, folder));
  execFileSync(process.execPath, ['packaging/package.mjs', '--target', target], { cwd: other, stdio: 'ignore' });
  const sums = (folder: string) => readFileSync(path.join(folder, 'SHA256SUMS'), 'utf8');
  return { here: sums(RELEASE), elsewhere: sums(path.join(other, 'build/release')) };
}
