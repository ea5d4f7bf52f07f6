import path from 'node:path';

/** Paths are made by the core from names that came from outside: proven to stay inside before they are used. */
export function insideOf(directory: string, relative: string): string {
  const root = path.resolve(directory);
  const file = path.resolve(root, relative);
  if (!file.startsWith(root + path.sep))
    throw new TypeError(`path leaves the hand-over directory: ${JSON.stringify(relative)}`);
  return file;
}
