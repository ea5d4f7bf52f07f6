import { type InstallItem, type InstallRequest, type Integration, NOTHING_PROMISED } from '../contract.ts';
import { readCall } from './read-call.ts';
import { jobScripts, type ProductNames } from './run-scripts.ts';

export const DIRECTOR_SETTING = {
  name: 'director',
  meaning: '`here`: the Director runs on this machine too, and calls a post hook when the Client could not',
  fallback: 'elsewhere',
} as const;

const NAMES: ProductNames = {
  integration: 'bacula',
  directorFile: '/etc/bacula/bacula-dir.conf of the Director',
  directorUser: 'bacula',
};

/** Without `onefs = no` the Client stops at the mount points, and the backup is empty and a success. */
const FILE_SET = `FileSet {
  Name = "REPLACE-NAME"
  Include {
    Options { signature = SHA1; sparse = yes; aclsupport = yes; xattrsupport = yes; onefs = no }
    File = "REPLACE-EXPORT-DIRECTORY"
  }
}`;

export function installationItems(request: InstallRequest, names: ProductNames): readonly InstallItem[] {
  return [
    ...jobScripts(request, names),
    { kind: 'lines', where: `a FileSet in ${names.directorFile}, with the job's exportDirectory`, text: FILE_SET },
    {
      kind: 'step',
      text: "Hooks have no limit of their own, but `Max Run Time` of the Job counts them: leave it out, or add the job's limits.deadlineSeconds to it.",
    },
    { kind: 'step', text: 'Reload the Director, and run the job once with `level=Full`.' },
  ];
}

export const bacula: Integration = {
  name: 'bacula',
  title: 'Bacula',
  writtenJobName: (name) => name.replaceAll(' ', '_'),
  read: readCall,
  stdout: 'result',
  stderr: 'log',
  exits: { degraded: 0, nothingToDo: 0, failed: 'own' },
  limitSeconds: undefined,
  guarantees: {
    ...NOTHING_PROMISED,
    postAfterFailedPre: true,
    postAfterFailedBackup: true,
    postAfterCancel: true,
    sameIdOnRetry: true,
  },
  incrementals: 'by-time',
  tellsOutcome: true,
  installation: { settings: [DIRECTOR_SETTING], items: (request) => installationItems(request, NAMES) },
};
