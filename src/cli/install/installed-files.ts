import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import type { InstallItem } from '../../../integrations/contract.ts';
import { hookFolder } from '../../../integrations/typed-command.ts';
import { SnaphookError } from '../../ports/errors.ts';
import { type InstallRecord, sha256Of } from './install-record.ts';
import { makeOpenFolder } from './open-folder.ts';

export type FileItem = Extract<InstallItem, { readonly kind: 'file' }>;
export type FileState = 'missing' | 'unchanged' | 'ours' | 'foreign';

/** Begins with a dot: products and sudo take other names in their folders for hooks, schedules and rules. */
const DRAFT_PREFIX = '.snaphook-new-';
const DRAFT_NAME = /^\.snaphook-new-[0-9a-f]{16}$/;
const OLD_DRAFT_MS = 3_600_000;

interface Ids {
  readonly uid: number;
  readonly gid: number;
}

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
  return sum === sha256Of(item.content) && hasOwnerAndMode(item) ? 'unchanged' : 'ours';
}

/**
 * All of the files or none of those that were not there: each is complete beside its place before the first one gets its name. One that
 * replaced ours when a later one failed stays as it is new. Errors: `E_USAGE`.
 */
export function writeItems(items: readonly FileItem[]): void {
  const drafts = items.map((item) => ({
    item,
    ids: item.owner === undefined ? undefined : idsOf(item.owner),
    beside: path.join(path.dirname(item.path), `${DRAFT_PREFIX}${randomBytes(8).toString('hex')}`),
  }));
  const made: string[] = [];
  let current = '';
  try {
    for (const { item, ids, beside } of drafts) {
      current = item.path;
      if (path.dirname(item.path) === OWN_FOLDER) makeOpenFolder(OWN_FOLDER);
      removeOldDrafts(path.dirname(item.path));
      made.push(beside);
      writeDraft(beside, item, ids);
    }
    for (const { item, beside } of drafts) {
      current = item.path;
      const isNew = !lstatSync(item.path, { throwIfNoEntry: false });
      renameSync(beside, item.path);
      if (isNew) made.push(item.path);
    }
  } catch (error) {
    for (const file of made) rmSync(file, { force: true });
    throw new SnaphookError('E_USAGE', `"${current}" cannot be written: ${String(error)}`, {
      hint: 'Installing needs the rights of the owner of that folder, mostly root.',
      cause: error,
    });
  }
}

function writeDraft(beside: string, { content, mode }: FileItem, ids: Ids | undefined): void {
  const descriptor = openSync(beside, 'wx', 0o600);
  try {
    writeFileSync(descriptor, content);
    if (ids) fchownSync(descriptor, ids.uid, ids.gid);
    fchmodSync(descriptor, mode);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Of an install that was killed; one that still works has none as old. */
function removeOldDrafts(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (!entry.isFile() || !DRAFT_NAME.test(entry.name)) continue;
    const draft = path.join(folder, entry.name);
    const stats = lstatSync(draft, { throwIfNoEntry: false });
    if (stats && Date.now() - stats.mtimeMs > OLD_DRAFT_MS) rmSync(draft, { force: true });
  }
}

type Recorded = InstallRecord['files'][number];

/** What became of a file since it was installed. `changed`: it is no longer what was installed. */
export function sinceInstalled({ path: file, sha256 }: Recorded): 'installed' | 'missing' | 'changed' {
  const content = contentOf(file);
  if (content === 'missing') return 'missing';
  return content === 'no file' || sha256Of(content) !== sha256 ? 'changed' : 'installed';
}

/** `missing`: it was gone already. `changed`: it is no longer what was installed, and was left alone. */
export function removeFile(file: Recorded): 'removed' | 'missing' | 'changed' {
  const state = sinceInstalled(file);
  if (state !== 'installed') return state;
  rmSync(file.path);
  return 'removed';
}

function contentOf(file: string): Buffer | 'missing' | 'no file' {
  const stats = lstatSync(file, { throwIfNoEntry: false });
  if (!stats) return 'missing';
  return stats.isFile() ? readFileSync(file) : 'no file';
}

const isFolder = (folder: string): boolean => statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true;

function hasOwnerAndMode({ path: file, mode, owner }: FileItem): boolean {
  if (process.platform === 'win32') return true;
  const stats = lstatSync(file);
  const ids = owner === undefined ? stats : idsOf(owner);
  return (stats.mode & 0o7777) === mode && stats.uid === ids.uid && stats.gid === ids.gid;
}

function idsOf(user: string): Ids {
  try {
    const id = (option: string) =>
      Number(execFileSync('id', [option, '--', user], { encoding: 'utf8', stdio: 'pipe' }));
    return { uid: id('-u'), gid: id('-g') };
  } catch (error) {
    throw new SnaphookError('E_USAGE', `the user "${user}", who has to own the hook, does not exist here`, {
      hint: 'Is the product installed on this machine?',
      cause: error,
    });
  }
}
