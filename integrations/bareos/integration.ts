import path from 'node:path';
import { bacula, DIRECTOR_SETTING, installationItems } from '../bacula/integration.ts';
import type { Integration } from '../contract.ts';

/** It calls as Bacula does, whose words and RunScripts it has kept. */
export const bareos: Integration = {
  ...bacula,
  name: 'bareos',
  title: 'Bareos',
  installation: {
    settings: [DIRECTOR_SETTING],
    items: (request) => [
      ...installationItems(request, {
        integration: 'bareos',
        directorFile: '/etc/bareos/bareos-dir.d of the Director',
        directorUser: 'bareos',
      }),
      {
        kind: 'step',
        text: `Where the Client has "Allowed Script Dir", one of these must be ${(request.system === 'windows' ? path.win32 : path).dirname(request.program)}: any other program is an error of the job.`,
      },
    ],
  },
};
