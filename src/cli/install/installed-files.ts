import { execFileSync } from 'node:child_process';
import {
  closeSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  lstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import type { InstallItem } from '../../../integrations/contract.ts';
import { hookFolder } from '../../../integrations/typed-command.ts';
import { systemErrorCode } from '../../platform/system-error.ts';
import { SnaphookError } from '../../ports/errors.ts';
import { type InstallRecord, sha256Of } from './install-record.ts';
import { makeOpenFolder } from './open-folder.ts';

export type FileItem = Extract<InstallItem, { readonly kind: 'file' }>;
export type FileState = 'missing' | 'unchanged' | 'ours' | 'foreign';

/** Made where it is missing; all other folders are the product's. */
const OWN_FOLDER = hookFolder(process.platform === 'win32' ? 'windows' : 'linux');

/** What lies where a file is to be installed. `ours`: as an earlier install left it. Errors: `E_USAGE` without its folder. */
export function stateOf(item: FileItem, record: InstallRecord | undefined): FileState {
  const folder = path.dirname(item.path);
  if (!isFolder(folder) && folder !== OWN_FOLDER) {
    throw new SnaphookError('E_USAGE', `the folder "${folder}" for "${path.basename(item.path)}" does not exist here`, {
      hint: 'Run this where the product calls its hooks. `--dry-run` prints the files, to be put there by hand.',
    });
  }
  const content = contentOf(item.path);
  if (content === 'missing') return 'missing';
  if (content === 'no file') return 'foreign';
  const sum = sha256Of(content);
  const isOurs = record?.files.some((file) => file.path === item.path && file.sha256 === sum) === true;
  if (!isOurs) return 'foreign';
  return sum === sha256Of(item.content) && hasMode(item) ? 'unchanged' : 'ours';
}

/** The whole file or none: it gets its name when it is complete. Errors: `E_USAGE`. */
export function writeItem(item: FileItem): void {
  const beside = `${item.path}.snaphook-new`;
  try {
    if (path.dirname(item.path) === OWN_FOLDER) makeOpenFolder(OWN_FOLDER);
    const descriptor = openSync(beside, 'wx', 0o600);
    try {
      writeSync(descriptor, item.content);
      if (item.owner !== undefined) fchownSync(descriptor, ...idsOf(item.owner));
      fchmodSync(descriptor, item.mode);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(beside, item.path);
  } catch (error) {
    if (systemErrorCode(error) !== 'EEXIST') rmSync(beside, { force: true });
    if (error instanceof SnaphookError) throw error;
    throw new SnaphookError('E_USAGE', `"${item.path}" cannot be written: ${String(error)}`, {
      hint: 'Installing needs the rights of the owner of that folder, mostly root.',
      cause: error,
    });
  }
}

/** `missing`: it was gone already. `changed`: it is no longer what was installed, and was left alone. */
export function removeFile({ path: file, sha256 }: InstallRecord['files'][number]): 'removed' | 'missing' | 'changed' {
  const content = contentOf(file);
  if (content === 'missing') return 'missing';
  if (content === 'no file' || sha256Of(content) !== sha256) return 'changed';
  rmSync(file);
  return 'removed';
}

function contentOf(file: string): Buffer | 'missing' | 'no file' {
  const stats = lstatSync(file, { throwIfNoEntry: false });
  if (!stats) return 'missing';
  return stats.isFile() ? readFileSync(file) : 'no file';
}

const isFolder = (folder: string): boolean => statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true;

const hasMode = (item: FileItem): boolean =>
  process.platform === 'win32' || (lstatSync(item.path).mode & 0o7777) === item.mode;

function idsOf(user: string): [number, number] {
  try {
    const id = (option: string) =>
      Number(execFileSync('id', [option, '--', user], { encoding: 'utf8', stdio: 'pipe' }));
    return [id('-u'), id('-g')];
  } catch (error) {
    throw new SnaphookError('E_USAGE', `the user "${user}", who has to own the hook, does not exist here`, {
      hint: 'Is the product installed on this machine?',
      cause: error,
    });
  }
}
