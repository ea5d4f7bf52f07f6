/** Chooses the samples and the generated cases of a run of the tests; `TEST_SEED=N` brings those of an earlier run back. */
export const SEED = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));

/** `CRASH_STRIDE=3`: every third point at which something is killed, from the one of the first three that the seed chooses. */
export const CRASH_STRIDE = Number(process.env.CRASH_STRIDE ?? 1);

/** Those of the points that are not left out. */
export const sampled = <Point>(points: readonly Point[]): readonly Point[] =>
  points.filter((_, index) => index % CRASH_STRIDE === SEED % CRASH_STRIDE);
