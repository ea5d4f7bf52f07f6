/** The words of a command line as a POSIX shell splits it; undefined when it asks for more of a shell than words and quotes. */
export function commandWords(line: string): readonly string[] | undefined {
  const words: string[] = [];
  const part = /\s*((?:'[^']*'|\\.|"[^"$`\\]*"|[^\s'"\\|&;<>()$`*?[\]#~])+)/y;
  let end = 0;
  while (end < line.trimEnd().length) {
    const found = part.exec(line);
    if (!found?.[1]) return undefined;
    end = part.lastIndex;
    words.push(
      found[1].replace(/'([^']*)'|"([^"]*)"|\\(.)/g, (_, single, double, escaped) => single ?? double ?? escaped),
    );
  }
  return words;
}
