/** Bits of the integer types; `long` needs bigint. */
const INTEGER_BITS: Readonly<Record<string, bigint>> = { byte: 8n, short: 16n, int: 32n, long: 64n };

/** The lexical forms of XML Schema. Undefined: not a value of that type. */
export function decodeScalar(type: string, text: string): string | number | bigint | boolean | Date | undefined {
  const word = text.trim();
  const bits = INTEGER_BITS[type];
  if (bits !== undefined) {
    if (!/^[+-]?\d+$/.test(word)) return undefined;
    const value = BigInt(word.replace('+', ''));
    if (BigInt.asIntN(Number(bits), value) !== value) return undefined;
    return type === 'long' ? value : Number(value);
  }
  switch (type) {
    case 'boolean':
      if (word === 'true' || word === '1') return true;
      return word === 'false' || word === '0' ? false : undefined;
    case 'dateTime': {
      const date = new Date(word);
      return /^-?\d{4,}-\d\d-\d\dT\d\d:\d\d:\d\d/.test(word) && !Number.isNaN(date.getTime()) ? date : undefined;
    }
    case 'float':
    case 'double':
      return word !== '' && Number.isFinite(Number(word)) ? Number(word) : undefined;
    default:
      return text;
  }
}
