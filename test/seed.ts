/** Chooses the samples and the generated cases of a run of the tests; `TEST_SEED=N` brings those of an earlier run back. */
export const SEED = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
