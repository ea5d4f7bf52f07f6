import type { Bands } from '../../src/ports/bands.ts';

const uncalled = (): never => {
  throw new Error('nothing here has images as bands');
};

/** For worlds without bands: whoever asks it fails. */
export const noBands: Bands = {
  preflight: uncalled,
  committed: uncalled,
  stage: uncalled,
  commit: uncalled,
  settle: uncalled,
};
