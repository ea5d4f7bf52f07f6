/** Tags of ASN.1 in the tokens of SPNEGO and Kerberos. */
export const TAG = {
  integer: 0x02,
  bits: 0x03,
  octets: 0x04,
  enumerated: 0x0a,
  time: 0x18,
  text: 0x1b,
  sequence: 0x30,
  application0: 0x60,
} as const;

export const context = (number: number): number => 0xa0 + number;

interface Element {
  readonly tag: number;
  readonly content: Buffer;
  readonly whole: Buffer;
  readonly end: number;
}

/** Reads one DER element of definite length. */
export function readElement(data: Buffer, at: number): Element | undefined {
  const [tag, first] = data.subarray(at, at + 2);
  if (tag === undefined || first === undefined) return undefined;
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  if (lengthBytes > 3 || at + 2 + lengthBytes > data.length) return undefined;
  const start = at + 2 + lengthBytes;
  const length = lengthBytes === 0 ? first : data.readUIntBE(at + 2, lengthBytes);
  const end = start + length;
  if (end > data.length) return undefined;
  return { tag, content: data.subarray(start, end), whole: data.subarray(at, end), end };
}

/** The numbered fields of the sequence inside an element with this tag. */
export function fieldsIn(wrapper: Element | undefined, tag: number): ReadonlyMap<number, Buffer> | undefined {
  if (wrapper?.tag !== tag) return undefined;
  return sequenceFields(wrapper.content);
}

/** The numbered fields of a sequence. */
export function sequenceFields(data: Buffer | undefined): ReadonlyMap<number, Buffer> | undefined {
  const sequence = data && readElement(data, 0);
  if (sequence?.tag !== TAG.sequence) return undefined;
  const fields = new Map<number, Buffer>();
  for (let at = 0; at < sequence.content.length; ) {
    const field = readElement(sequence.content, at);
    if (field === undefined) return undefined;
    fields.set(field.tag - context(0), field.content);
    at = field.end;
  }
  return fields;
}

/** The content of a field's value, when it has this tag. */
export function contentIn(field: Buffer | undefined, tag: number): Buffer | undefined {
  const inner = field && readElement(field, 0);
  return inner?.tag === tag ? inner.content : undefined;
}

export function element(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const head =
    length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), content]);
}

/** A sequence of numbered fields. */
export function structure(fields: Readonly<Record<number, Buffer>>): Buffer {
  const numbered = Object.entries(fields).map(([number, value]) => element(context(Number(number)), value));
  return element(TAG.sequence, Buffer.concat(numbered));
}
