/**
 * What the program `snaphook` is called with decides what is loaded: a product waits for `hook`, and what stands behind it is not for
 * the parser of verbs, words of the product with it.
 */
const [verb, ...words] = process.argv.slice(2);
const [phase] = words;

if (verb !== 'hook') void import('./main.ts');
else if (phase === 'pre' || phase === 'post') void callHook(`snaphook hook ${phase}`, phase, words.slice(1));
else void callHook('snaphook hook', undefined, words);

async function callHook(name: string, phase: 'pre' | 'post' | undefined, words: readonly string[]): Promise<void> {
  const { runHook } = await import('../../hooks/run-hook.ts');
  await runHook(name, phase, words);
}
