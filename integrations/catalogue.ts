import { SnaphookError } from '../src/ports/errors.ts';
import type { Integration } from './contract.ts';

/** By the name that `--integration` takes. Each is loaded only when it is called. */
const INTEGRATIONS: Readonly<Record<string, () => Promise<Integration>>> = {
  acronis: async () => (await import('./acronis/integration.ts')).acronis,
  amanda: async () => (await import('./amanda/integration.ts')).amanda,
  arcserve: async () => (await import('./arcserve/integration.ts')).arcserve,
  avamar: async () => (await import('./avamar/integration.ts')).avamar,
  'backup-exec': async () => (await import('./backup-exec/integration.ts')).backupExec,
  backuppc: async () => (await import('./backuppc/integration.ts')).backuppc,
  burp: async () => (await import('./burp/integration.ts')).burp,
  'data-protector': async () => (await import('./data-protector/integration.ts')).dataProtector,
  'networker-save': async () => (await import('./networker/save-command.ts')).networkerSave,
  networker: async () => (await import('./networker/integration.ts')).networker,
  rubrik: async () => (await import('./rubrik/integration.ts')).rubrik,
  'spectrum-protect': async () => (await import('./spectrum-protect/integration.ts')).spectrumProtect,
  generic: async () => (await import('./generic/integration.ts')).generic,
};

export const integrationNames = (): readonly string[] => Object.keys(INTEGRATIONS);

/** Errors: `E_USAGE` for a product that is not known. */
export async function integrationNamed(name: string): Promise<Integration> {
  const load = Object.hasOwn(INTEGRATIONS, name) ? INTEGRATIONS[name] : undefined;
  if (load) return load();
  throw new SnaphookError('E_USAGE', `--integration "${name}" is unknown`, {
    hint: `Known: ${integrationNames().join(', ')}. "generic" is for every other product.`,
  });
}
