import { WinRmError } from '../winrm-error.ts';

/** The tags of ASN.1 that Kerberos and SPNEGO use (X.690 8.1.2). */
export const TAG = {
  integer: 0x02,
  bitString: 0x03,
  octets: 0x04,
  oid: 0x06,
  enumerated: 0x0a,
  generalizedTime: 0x18,
  generalString: 0x1b,
  sequence: 0x30,
} as const;

export const applicationTag = (number: number): number => 0x60 + number;
const contextTag = (number: number): number => 0xa0 + number;

export function element(tag: number, ...contents: readonly Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  return Buffer.concat([Buffer.from([tag]), lengthOf(content.length), content]);
}

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(length);
  const significant = bytes.subarray(bytes.findIndex((byte) => byte !== 0));
  return Buffer.concat([Buffer.from([0x80 + significant.length]), significant]);
}

export const field = (number: number, content: Buffer): Buffer => element(contextTag(number), content);
export const sequence = (...parts: readonly Buffer[]): Buffer => element(TAG.sequence, ...parts);
export const octets = (bytes: Buffer): Buffer => element(TAG.octets, bytes);
export const generalString = (text: string): Buffer => element(TAG.generalString, Buffer.from(text, 'utf8'));

/** A number that is not negative. */
export function integer(value: number): Buffer {
  const bytes = Buffer.alloc(6);
  bytes.writeUIntBE(value, 1, 5);
  const first = bytes.findIndex((byte) => byte !== 0);
  const start = first === -1 ? 5 : (bytes[first] ?? 0) < 0x80 ? first : first - 1;
  return element(TAG.integer, bytes.subarray(start));
}

/** To the second, in UTC (RFC 4120 5.2.3). */
export const generalizedTime = (moment: Date): Buffer =>
  element(TAG.generalizedTime, Buffer.from(`${moment.toISOString().replace(/[-:T]|\.\d+Z$/g, '')}Z`, 'latin1'));

interface Element {
  readonly tag: number;
  readonly content: Buffer;
  /** What follows it. */
  readonly rest: Buffer;
}

const damaged = (): WinRmError => new WinRmError({ kind: 'malformed', reason: 'a token of the server is damaged' });

/** Reads the first element. Throws `malformed` when there is none of definite length. */
export function read(bytes: Buffer): Element {
  const [tag, first] = bytes;
  if (tag === undefined || first === undefined) throw damaged();
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  if (first === 0x80 || lengthBytes > 4 || bytes.length < 2 + lengthBytes) throw damaged();
  const length = lengthBytes === 0 ? first : bytes.readUIntBE(2, lengthBytes);
  const start = 2 + lengthBytes;
  if (start + length > bytes.length) throw damaged();
  return { tag, content: bytes.subarray(start, start + length), rest: bytes.subarray(start + length) };
}

/** Content of the first element, which must have this tag. */
export function contentOf(bytes: Buffer, tag: number): Buffer {
  const found = read(bytes);
  if (found.tag !== tag) throw damaged();
  return found.content;
}

/** The numbered fields of a sequence, each still with its inner tag. */
export function fieldsOf(bytes: Buffer): ReadonlyMap<number, Buffer> {
  const fields = new Map<number, Buffer>();
  for (let left = contentOf(bytes, TAG.sequence); left.length > 0; ) {
    const { tag, content, rest } = read(left);
    fields.set(tag - contextTag(0), content);
    left = rest;
  }
  return fields;
}

/** A field that must be there. */
export function needed(fields: ReadonlyMap<number, Buffer>, number: number): Buffer {
  const found = fields.get(number);
  if (found === undefined) throw damaged();
  return found;
}

/** An integer of at most 32 bits; negative forms of unsigned ones, as some write them, are read as unsigned. */
export function integerOf(bytes: Buffer): number {
  const content = contentOf(bytes, TAG.integer);
  if (content.length === 0 || content.length > 5) throw damaged();
  return content.readIntBE(0, content.length) >>> 0;
}

export const octetsOf = (bytes: Buffer): Buffer => contentOf(bytes, TAG.octets);
