/**
 * One argument as Microsoft's C runtime and CommandLineToArgvW read it back: in quotes where it has to be, a quote and the
 * backslashes before it escaped.
 */
export function quoteArgument(argument: string): string {
  if (argument !== '' && !/[\s"]/.test(argument)) return argument;
  return `"${argument.replace(/(\\*)"/g, '$1$1\\"').replace(/(\\+)$/, '$1$1')}"`;
}

/** Does cmd.exe leave it alone, in quotes or without? It expands `%` also between quotes, and a quote of ours would end them. */
export const isPlainForCmd = (argument: string): boolean => !/["%&|<>^!\r\n]/.test(argument);
