// What a linker takes into a program from elsewhere: C libraries, those of compilers, start-up code.
import { existsSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';

/** Lets GNU's linker say on standard output which files it takes. */
export const TELL_LINKED = '-Wl,--trace';

/** The files of others in what the linker said, in order. Our own objects are temporary files of the compiler. */
export function linkedFiles(said) {
  const named = said.split('\n').flatMap((line) => /^(\/.*?\.(?:a|o|obj))(?:\(.*\))?$/.exec(line)?.[1] ?? []);
  const files = named.filter((file) => existsSync(file)).map((file) => realpathSync(file));
  return [...new Set(files)].filter((file) => !file.startsWith(`${realpathSync(tmpdir())}/`)).sort();
}
