/** Foreign text for an error message: one line, printable, short. */
export function excerpt(text: string): string {
  const printable = text.replace(/[^\p{L}\p{N}\p{P}\p{S} ]+/gu, ' ').trim();
  return printable.length > 200 ? `${printable.slice(0, 200)}…` : printable;
}

const NEWLINE = 0x0a;

/**
 * Joins output chunks by bytes and gives back whole lines: a chunk may end within a character. What grows beyond the limit
 * without a line end is given back cut, so that nothing piles up.
 */
export class LineSplitter {
  readonly #maxLineBytes: number;
  #rest: Buffer = Buffer.alloc(0);

  constructor(maxLineBytes: number) {
    this.#maxLineBytes = maxLineBytes;
  }

  push(chunk: Buffer): readonly string[] {
    const joined = Buffer.concat([this.#rest, chunk]);
    const lines: string[] = [];
    let start = 0;
    for (let end = joined.indexOf(NEWLINE); end >= 0; end = joined.indexOf(NEWLINE, start)) {
      lines.push(joined.toString('utf8', start, end).replace(/\r$/, ''));
      start = end + 1;
    }
    this.#rest = joined.subarray(start);
    if (this.#rest.length > this.#maxLineBytes) {
      lines.push(this.#rest.toString('utf8', 0, 1000));
      this.#rest = Buffer.alloc(0);
    }
    return lines;
  }
}
