import { type ErrorRecord, SnaphookError } from '../../ports/errors.ts';
import { EXIT, EXIT_OF_ERROR } from '../exit-codes.ts';
import { errorText } from './text.ts';

/** One of the errors that a result tells beside what went well. */
export const problemText = ({ code, message, hint }: ErrorRecord): string =>
  errorText(new SnaphookError(code, message, hint === undefined ? {} : { hint }));

/** Of the first of them. */
export const exitCodeOf = ([first]: readonly ErrorRecord[]): number => (first ? EXIT_OF_ERROR[first.code] : EXIT.ok);
