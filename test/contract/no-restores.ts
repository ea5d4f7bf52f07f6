import type { JobPorts } from '../../src/job/ports.ts';

const uncalled = (): never => {
  throw new Error('nothing here is restored');
};

/** For worlds without restores: whoever asks them fails. */
export const noRestores: Pick<JobPorts, 'vmImport' | 'imageSource' | 'fileTrees'> = {
  vmImport: {
    sessionKey: uncalled,
    findPlace: uncalled,
    begin: uncalled,
    abort: uncalled,
    vm: uncalled,
    vmsIn: uncalled,
    identify: uncalled,
    destroy: uncalled,
    disksOf: uncalled,
    usersOf: uncalled,
    attach: uncalled,
    detach: uncalled,
    whenIdle: uncalled,
    close: async () => undefined,
  },
  imageSource: { check: uncalled, readBeside: uncalled, streamVmdk: uncalled, writeRaw: uncalled },
  fileTrees: {
    checkDestination: uncalled,
    makeWorkFolder: uncalled,
    look: uncalled,
    copy: uncalled,
    publish: uncalled,
    removeWorkFolder: uncalled,
  },
};
