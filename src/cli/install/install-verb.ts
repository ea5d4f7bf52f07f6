import path from 'node:path';
import { isSea } from 'node:sea';
import { integrationNamed } from '../../../integrations/catalogue.ts';
import type { InstallGuide, InstallItem } from '../../../integrations/contract.ts';
import { parseSeconds } from '../../../integrations/hook-options.ts';
import { missingCallsStep } from '../../../integrations/missing-calls.ts';
import { loadConfig } from '../../config/load.ts';
import { SnaphookError } from '../../ports/errors.ts';
import { jobSpec } from '../compose.ts';
import type { VerbResult } from '../console.ts';
import { EXIT } from '../exit-codes.ts';
import { jsonDocument } from '../render/json.ts';
import { hasSudoRule, requireAbsolute, requireProgramOfRoot } from './hook-program.ts';
import { InstallRecords, sha256Of } from './install-record.ts';
import { type FileItem, type FileState, removeFile, sinceInstalled, stateOf, writeItems } from './installed-files.ts';

export interface InstallCall {
  readonly configFile: string;
  /** It is not the default one: hooks have to be told. */
  readonly isOwnConfig: boolean;
  readonly product: string;
  readonly job: string;
  readonly settings: readonly string[];
  readonly program: string | undefined;
  readonly system: 'linux' | 'windows' | undefined;
  readonly dryRun: boolean;
}

const THIS_SYSTEM = process.platform === 'win32' ? 'windows' : 'linux';

/** Writes the hook files of a product for one job, and says what else is to be done. Nothing is written when one file cannot be. */
export async function installVerb(call: InstallCall): Promise<VerbResult> {
  const config = loadConfig(call.configFile);
  jobSpec(config, call.job);
  const integration = await integrationNamed(call.product);
  const system = call.system ?? THIS_SYSTEM;
  if (system !== THIS_SYSTEM && !call.dryRun) {
    throw new SnaphookError('E_USAGE', `files for ${system} cannot be installed from here`, {
      hint: 'Add --dry-run and put them there by hand, or run this on that machine.',
    });
  }
  const program = programOf(call, system);
  const configFile = call.isOwnConfig ? path.resolve(call.configFile) : undefined;
  if (configFile !== undefined) requireAbsolute('--config', configFile, system);
  const installed = integration.installation.items({
    job: call.job,
    program,
    system,
    configFile,
    settings: settingsOf(integration.name, integration.installation, call.settings),
  });
  for (const item of installed) if (item.kind === 'file') requireAbsolute('the hook file', item.path, system);
  if (!call.dryRun && hasSudoRule(installed)) requireProgramOfRoot(program);
  const items = [...installed, missingCallsStep(integration.title, integration.guarantees)];
  const records = new InstallRecords(config.stateDirectory);
  const files = items.filter((item) => item.kind === 'file');
  const states = call.dryRun ? new Map<string, FileState>() : writeAll(records, integration.name, call.job, files);
  return {
    document: jsonDocument('install', {
      ok: true,
      product: integration.name,
      job: call.job,
      dryRun: call.dryRun,
      items,
    }),
    text: items.map((item) => itemText(item, states)).join('\n'),
    exitCode: EXIT.ok,
  };
}

/** Takes away what `install` wrote; files that somebody has changed since are left alone and told. */
export async function uninstallVerb(
  call: Pick<InstallCall, 'configFile' | 'product' | 'job' | 'dryRun'>,
): Promise<VerbResult> {
  const records = new InstallRecords(loadConfig(call.configFile).stateDirectory);
  const record = records.read(call.product, call.job);
  if (!record) {
    throw new SnaphookError(
      'E_USAGE',
      `nothing of --integration "${call.product}" is installed for job "${call.job}"`,
      {
        hint: 'Only what `snaphook install` wrote is taken away; lines of a configuration are removed by hand.',
      },
    );
  }
  const files = record.files.map((file) => ({
    path: file.path,
    state: call.dryRun ? sinceInstalled(file) : removeFile(file),
  }));
  const changed = files.filter(({ state }) => state === 'changed');
  if (!call.dryRun && changed.length === 0) records.remove(call.product, call.job);
  return {
    document: jsonDocument('uninstall', { ok: changed.length === 0, product: call.product, job: call.job, files }),
    text: files.map(({ path: file, state }) => `${file}  ${UNINSTALL_TEXT[state]}\n`).join(''),
    exitCode: changed.length === 0 ? EXIT.ok : EXIT.leftovers,
  };
}

const UNINSTALL_TEXT: Readonly<Record<string, string>> = {
  installed: 'is installed, and would be removed',
  removed: 'removed',
  missing: 'was gone already',
  changed: 'was changed since it was installed, and is left alone: remove it by hand',
};

/** Where there is a file of somebody else nothing is written at all. The record comes first: what is on it only may be there. */
function writeAll(records: InstallRecords, integration: string, job: string, files: readonly FileItem[]) {
  const record = records.read(integration, job);
  const states = new Map(files.map((item) => [item.path, stateOf(item, record)]));
  const foreign = [...states].filter(([, state]) => state === 'foreign').map(([file]) => file);
  if (foreign.length > 0) {
    throw new SnaphookError(
      'E_USAGE',
      `"${foreign.join('", "')}" is not what snaphook installed, and is not overwritten`,
      {
        hint: 'Look what it does; call both from one script of your own, or move it aside and install again.',
      },
    );
  }
  const written = files.map((item) => ({ path: item.path, sha256: sha256Of(item.content) }));
  const earlier = record?.files ?? [];
  records.write({ version: 1, integration, job, files: [...earlier, ...written] });
  try {
    writeItems(files.filter((item) => states.get(item.path) !== 'unchanged'));
  } catch (error) {
    if (!record) records.remove(integration, job);
    throw error;
  }
  const changed = earlier.filter((file) => !states.has(file.path) && removeFile(file) === 'changed');
  records.write({ version: 1, integration, job, files: [...changed, ...written] });
  return states;
}

const FILE_TEXT: Readonly<Record<FileState, string>> = {
  missing: 'written',
  ours: 'written anew',
  unchanged: 'is there already',
  foreign: 'is somebody else’s',
};

function itemText(item: InstallItem, states: ReadonlyMap<string, FileState>): string {
  switch (item.kind) {
    case 'file': {
      const state = states.get(item.path);
      const mode = item.mode.toString(8).padStart(4, '0');
      const owner = item.owner === undefined ? '' : `, owner ${item.owner}`;
      if (state) return `${item.path}  ${FILE_TEXT[state]}, mode ${mode}${owner}\n`;
      return `File ${item.path}, mode ${mode}${owner}:\n\n${indented(item.content)}`;
    }
    case 'lines':
      return `In ${item.where}:\n\n${indented(item.text)}`;
    case 'step':
      return `* ${item.text}\n`;
  }
}

const indented = (text: string): string =>
  text
    .trimEnd()
    .split(/\r?\n/)
    .map((line) => `    ${line}\n`)
    .join('');

/** Errors: `E_USAGE` for a setting that the product does not have, and for one that has to be given. */
function settingsOf(name: string, guide: InstallGuide, given: readonly string[]): Readonly<Record<string, string>> {
  const known = guide.settings.map((setting) => setting.name);
  const values = new Map<string, string>();
  for (const text of given) {
    const [key = '', ...value] = text.split('=');
    if (!known.includes(key) || value.length === 0) {
      throw new SnaphookError('E_USAGE', `--set "${text}" is no setting of --integration ${name}`, {
        hint: known.length === 0 ? 'It has none.' : `Give ${known.map((each) => `${each}=VALUE`).join(', ')}.`,
      });
    }
    if (key === 'limitSeconds') parseSeconds('--set limitSeconds', value.join('='));
    values.set(key, value.join('='));
  }
  for (const { name: key, meaning, fallback } of guide.settings) {
    if (values.has(key)) continue;
    if (fallback === undefined) {
      throw new SnaphookError('E_USAGE', `--integration ${name} needs --set ${key}=VALUE`, {
        hint: `It is ${meaning}.`,
      });
    }
    values.set(key, fallback);
  }
  return Object.fromEntries(values);
}

/** Errors: `E_USAGE` for one that is none on the system. */
function programOf({ program }: InstallCall, system: 'linux' | 'windows'): string {
  if (program === undefined && system !== THIS_SYSTEM) {
    throw new SnaphookError('E_USAGE', `files for ${system} need --program`, {
      hint: 'Give the absolute path that snaphook has there: the one of this machine is of no use.',
    });
  }
  const called = program ?? ownProgram();
  requireAbsolute('--program', called, system);
  return called;
}

/** The single executable, or the program file that Node runs. */
const ownProgram = (): string => (isSea() ? process.execPath : path.resolve(process.argv[1] ?? 'snaphook'));
