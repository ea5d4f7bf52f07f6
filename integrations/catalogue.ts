import { SnaphookError } from '../src/ports/errors.ts';
import type { Integration } from './contract.ts';
import { entryOf } from './entry-of.ts';

/** By the name that `--integration` takes. Each is loaded only when it is called. */
const INTEGRATIONS: Readonly<Record<string, () => Promise<Integration>>> = {
  acronis: async () => (await import('./acronis/integration.ts')).acronis,
  amanda: async () => (await import('./amanda/integration.ts')).amanda,
  arcserve: async () => (await import('./arcserve/integration.ts')).arcserve,
  avamar: async () => (await import('./avamar/integration.ts')).avamar,
  'backup-exec': async () => (await import('./backup-exec/integration.ts')).backupExec,
  backuppc: async () => (await import('./backuppc/integration.ts')).backuppc,
  bacula: async () => (await import('./bacula/integration.ts')).bacula,
  bareos: async () => (await import('./bareos/integration.ts')).bareos,
  borgmatic: async () => (await import('./borgmatic/integration.ts')).borgmatic,
  burp: async () => (await import('./burp/integration.ts')).burp,
  cohesity: async () => (await import('./cohesity/integration.ts')).cohesity,
  commvault: async () => (await import('./commvault/integration.ts')).commvault,
  'data-protector': async () => (await import('./data-protector/integration.ts')).dataProtector,
  duplicati: async () => (await import('./duplicati/integration.ts')).duplicati,
  kopia: async () => (await import('./kopia/integration.ts')).kopia,
  netbackup: async () => (await import('./netbackup/integration.ts')).netBackup,
  'netbackup-server': async () => (await import('./netbackup/server-notify.ts')).netBackupServer,
  networker: async () => (await import('./networker/integration.ts')).networker,
  'networker-save': async () => (await import('./networker/save-command.ts')).networkerSave,
  restic: async () => (await import('./restic/integration.ts')).restic,
  resticprofile: async () => (await import('./resticprofile/integration.ts')).resticprofile,
  rubrik: async () => (await import('./rubrik/integration.ts')).rubrik,
  'spectrum-protect': async () => (await import('./spectrum-protect/integration.ts')).spectrumProtect,
  urbackup: async () => (await import('./urbackup/integration.ts')).urbackup,
  veeam: async () => (await import('./veeam/integration.ts')).veeam,
  'veeam-agent': async () => (await import('./veeam-agent/integration.ts')).veeamAgent,
  vzdump: async () => (await import('./vzdump/integration.ts')).vzdump,
  generic: async () => (await import('./generic/integration.ts')).generic,
};

export const integrationNames = (): readonly string[] => Object.keys(INTEGRATIONS);

/** Errors: `E_USAGE` for a product that is not known. */
export async function integrationNamed(name: string): Promise<Integration> {
  const load = entryOf(INTEGRATIONS, name);
  if (load) return load();
  throw new SnaphookError('E_USAGE', `--integration "${name}" is unknown`, {
    hint: `Known: ${integrationNames().join(', ')}. "generic" is for every other product.`,
  });
}
