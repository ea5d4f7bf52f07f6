import { spawnSync } from 'node:child_process';
import path from 'node:path';

/** A backup product that compares files with those of its last backup. */
export interface BackupProduct {
  readonly name: string;
  readonly program: string;
  version(): string;
  init(repository: string): void;
  backUp(repository: string, directory: string): void;
}

/** Caches beside the repository: nothing of this machine's own backups is touched, and a second backup finds those of the first. */
const environmentOf = (repository: string) => ({
  ...process.env,
  RESTIC_PASSWORD: 'bench',
  RESTIC_CACHE_DIR: `${repository}-cache`,
  BORG_BASE_DIR: `${repository}-cache`,
  BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK: 'yes',
});

function run(program: string, args: readonly string[], repository: string, cwd?: string): string {
  const env = environmentOf(repository);
  const { status, stdout, stderr, error } = spawnSync(program, args, { env, cwd, encoding: 'utf8' });
  if (error || status !== 0) throw new Error(`${program} ${args.join(' ')} failed: ${error?.message ?? stderr}`);
  return stdout;
}

const versionOf = (program: string, args: readonly string[]): string =>
  /\d+\.\d+(\.\d+)?/.exec(spawnSync(program, args, { encoding: 'utf8' }).stdout ?? '')?.[0] ?? '';

let archives = 0;

export const BACKUP_PRODUCTS: readonly BackupProduct[] = [
  {
    name: 'restic',
    program: 'restic',
    version: () => versionOf('restic', ['version']),
    init: (repository) => void run('restic', ['-r', repository, 'init'], repository),
    backUp: (repository, directory) =>
      void run('restic', ['-r', repository, 'backup', '--quiet', directory], repository),
  },
  {
    name: 'borg',
    program: 'borg',
    version: () => versionOf('borg', ['--version']),
    init: (repository) => void run('borg', ['init', '--encryption', 'none', repository], repository),
    backUp: (repository, directory) => {
      archives += 1;
      const [parent, name] = [path.dirname(directory), path.basename(directory)];
      run('borg', ['create', `${repository}::${archives}`, name], repository, parent);
    },
  },
];
