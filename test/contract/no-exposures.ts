import type { Exposures } from '../../src/ports/exposures.ts';

const uncalled = (): never => {
  throw new Error('nothing here exposes disks');
};

/** For worlds in which images are handed over: whoever asks it fails. */
export const noExposures: Exposures = { preflight: uncalled, expose: uncalled, release: uncalled };
