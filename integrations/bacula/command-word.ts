import { SnaphookError } from '../../src/ports/errors.ts';

/**
 * One word of a Command in a RunScript: Director and Client cut it at spaces, take quotes of either kind around a word, know no other
 * escape, and replace `%` and a letter. Errors: `E_USAGE` for what they have no way to write.
 */
export function commandWord(text: string): string {
  const word = text.replaceAll('%', '%%');
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  if (/[\r\n\0]/.test(text) || (text.includes('"') && text.includes("'"))) {
    throw new SnaphookError('E_USAGE', `${JSON.stringify(text)} cannot be written into a RunScript`, {
      hint: 'Choose a name without line ends, and with quotes of one kind at most.',
    });
  }
  return text.includes('"') ? `'${word}'` : `"${word}"`;
}

/** A string of the configuration file. */
export const configString = (text: string): string => `"${text.replace(/["\\]/g, (character) => `\\${character}`)}"`;
