import type { FileSystems } from '../../src/ports/file-systems.ts';

const uncalled = (): never => {
  throw new Error('nothing here hands over files');
};

/** For worlds in which images are handed over: whoever asks it fails. */
export const noFileSystems: FileSystems = {
  preflight: uncalled,
  mount: uncalled,
  mountedIn: uncalled,
  preflightChecks: uncalled,
  readWhole: uncalled,
  writeIndex: uncalled,
  probe: uncalled,
  release: uncalled,
};
