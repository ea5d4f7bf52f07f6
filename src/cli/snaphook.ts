import '../platform/stand-somewhere.ts';
import '../platform/without-fetch.ts';

/**
 * What the program `snaphook` is called with decides what is loaded: a product waits for `hook`, and what stands behind it is not for
 * the parser of verbs, words of the product with it.
 */
const PHASES = ['pre', 'post', 'list'] as const;

const [verb, ...words] = process.argv.slice(2);

if (verb === 'hook') void callHook();
else void import('./main.ts');

async function callHook(): Promise<void> {
  const { runHook } = await import('../../hooks/run-hook.ts');
  const phase = PHASES.find((known) => known === words[0]);
  if (phase) await runHook(`snaphook hook ${phase}`, phase, words.slice(1));
  else await runHook('snaphook hook', undefined, words);
}
