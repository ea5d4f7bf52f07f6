import { SnaphookError } from '../src/ports/errors.ts';

/** For /bin/sh: the one word, whatever is in it. */
export function shellWord(text: string): string {
  if (/^[\w@%+=:,./-]+$/.test(text)) return text;
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/**
 * For a line of a .bat file or a command field that cmd.exe reads: the one word. Percent signs are doubled as in a batch file.
 * Errors: `E_USAGE` for what cmd.exe has no way to write: quotes and line ends.
 */
export function batchWord(text: string): string {
  if (/["\r\n\0]/.test(text)) {
    throw new SnaphookError('E_USAGE', `${JSON.stringify(text)} cannot be written into a batch file`, {
      hint: 'Choose a name without quotes and line ends.',
    });
  }
  if (/^[\w@+:.\\/-]+$/.test(text)) return text;
  return `"${text.replaceAll('%', '%%').replace(/\\+$/, (end) => end + end)}"`;
}

/**
 * For YAML: the one text, whatever is in it.
 * Errors: `E_USAGE` for line ends and other control characters.
 */
export function yamlText(text: string): string {
  if (/\p{Cc}/u.test(text)) {
    throw new SnaphookError('E_USAGE', `${JSON.stringify(text)} cannot be written into a line of YAML`, {
      hint: 'Choose a name without line ends.',
    });
  }
  return `'${text.replaceAll("'", "''")}'`;
}
