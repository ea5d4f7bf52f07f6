/** What a table says of a word from outside. Undefined also for what every object inherits, such as `constructor`. */
export const entryOf = <Value>(table: Readonly<Record<string, Value>>, word: string | undefined): Value | undefined =>
  word !== undefined && Object.hasOwn(table, word) ? table[word] : undefined;
