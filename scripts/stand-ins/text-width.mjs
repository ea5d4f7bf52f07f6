// In place of the package string-width, which yargs asks how wide a text is: its tables of emoji and scripts are half the time of a `--help`.
// What yargs prints for snaphook is plain text, so a character is a column.
import { stripVTControlCharacters } from 'node:util';

export default (text) => [...stripVTControlCharacters(text)].length;
