import { readFileSync, writeFileSync } from 'node:fs';
import { parse, stringify } from 'yaml';

type Settings = Record<string, unknown>;

interface ConfiguredGuest {
  strategy?: string;
  winrm?: Settings;
  ssh?: Settings;
  guestOperations?: Settings;
}

/** Of the configuration that the lab writes for its site (src/lab/site-config.ts): what tests change. The rest stays as it is. */
export interface LabConfig {
  guests: readonly ConfiguredGuest[];
  jobs: Record<string, Settings>;
}

export type ConfigChange = (config: LabConfig) => void;

/** Writes the configuration with a change, into the same file by default; returns that file. */
export function changeConfig(file: string, change: ConfigChange, into = file): string {
  const config: LabConfig = parse(readFileSync(file, 'utf8')); // the lab wrote it
  change(config);
  writeFileSync(into, stringify(config));
  return into;
}

const guestsBy = ({ guests }: LabConfig, way: 'winrm' | 'ssh'): readonly ConfiguredGuest[] =>
  guests.filter((guest) => guest[way] !== undefined);

/** The product tells how a backup of the job ended, and the applications of Windows guests wait for that. */
export const withFullBackups =
  (job: string): ConfigChange =>
  (config) => {
    for (const { winrm } of guestsBy(config, 'winrm')) Object.assign(winrm ?? {}, { backupType: 'full' });
    Object.assign(config.jobs[job] ?? {}, { outcomeIsTold: true });
  };

/** Windows guests are told to make shadow copies, of which images show nothing. */
export const withShadowCopies =
  (job: string): ConfigChange =>
  (config) => {
    for (const guest of guestsBy(config, 'winrm')) guest.strategy = 'vss-diskshadow';
    Object.assign(config.jobs[job] ?? {}, { onLowerGrade: 'degrade' });
  };

/** Nobody reaches Linux guests over the network. */
export const withGuestOperations =
  (settings: Settings): ConfigChange =>
  (config) => {
    for (const guest of guestsBy(config, 'ssh')) {
      const { username, password, applications } = guest.ssh ?? {};
      guest.guestOperations = { username, password, applications, sudo: true, ...settings };
      delete guest.ssh;
    }
  };
