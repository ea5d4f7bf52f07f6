import { SnaphookError } from '../src/ports/errors.ts';

/** For /bin/sh: the one word, whatever is in it. */
export function shellWord(text: string): string {
  if (/^[\w@%+=:,./-]+$/.test(text)) return text;
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** The same in a field or a line of a product, which has one line. Errors: `E_USAGE` for line ends. */
export function shellFieldWord(text: string): string {
  if (/[\r\n\0]/.test(text)) {
    throw new SnaphookError('E_USAGE', `${JSON.stringify(text)} cannot be written into one line`, {
      hint: 'Choose a name without line ends.',
    });
  }
  return shellWord(text);
}

/**
 * For a line of a .bat file: the one word, with percent signs doubled. Errors: `E_USAGE` for what has no way to be written there: quotes,
 * line ends, and what is not ASCII, as cmd.exe reads its files in the code page of its machine.
 */
export function batchWord(text: string): string {
  if (/["\r\n\0]|\P{ASCII}/u.test(text)) {
    throw new SnaphookError('E_USAGE', `${JSON.stringify(text)} cannot be written into a batch file`, {
      hint: 'Choose a name of ASCII characters, without quotes and line ends.',
    });
  }
  return quotedForCmd(text.replaceAll('%', '%%'));
}

/**
 * For a command field or a prompt that cmd.exe reads, where nothing makes one percent sign of two: the one word. Errors: `E_USAGE` for
 * quotes, line ends, and what cmd.exe would take for a variable.
 */
export function fieldWord(text: string): string {
  if (/["\r\n\0]|%[^%]+%/.test(text)) {
    throw new SnaphookError('E_USAGE', `${JSON.stringify(text)} cannot be written into a command for cmd.exe`, {
      hint: 'Choose a name without quotes and line ends, and with one percent sign at most.',
    });
  }
  return quotedForCmd(text);
}

const quotedForCmd = (text: string): string =>
  /^[\w@+:.\\/-]+$/.test(text) ? text : `"${text.replace(/\\+$/, (end) => end + end)}"`;

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
