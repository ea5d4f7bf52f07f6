/**
 * What a RunScript's Command starts, as recorded of Bacula: the string of the configuration file, cut at spaces, quotes of either kind
 * around a word and no other escape. Codes stay; `%%` is a percent sign.
 */
export function readCommand(written: string): readonly string[] {
  const command = written.replace(/^"(.*)"$/s, '$1').replace(/\\(.)/gs, '$1');
  const words = command.match(/"[^"]*"|'[^']*'|[^\s"']+/g) ?? [];
  return words.map((word) => word.replace(/^(["'])(.*)\1$/s, '$2').replaceAll('%%', '%'));
}
