/** The few SPNEGO tokens of RFC 4178 that carry NTLM. */
const NTLM_OID = Buffer.from([0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x0a]);
const SPNEGO_OID = Buffer.from([0x06, 0x06, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x02]);
const TAG = { application0: 0x60, sequence: 0x30, octets: 0x04, enumerated: 0x0a } as const;
const context = (number: number): number => 0xa0 + number;

export interface SpnegoToken {
  /** The mechanism's token, absent in a negotiation that only lists mechanisms. */
  readonly token: Buffer | undefined;
  /** DER of the client's list of mechanisms, in the first token only. */
  readonly mechanisms: Buffer | undefined;
  readonly mechanismListMic: Buffer | undefined;
}

export type SpnegoState = 'completed' | 'incomplete';

/** Undefined when it is no SPNEGO token, or one that does not offer NTLM. */
export function parseSpnego(data: Buffer): SpnegoToken | undefined {
  const outer = readElement(data, 0);
  if (outer?.tag === TAG.application0) {
    const oid = readElement(outer.content, 0);
    if (!oid?.whole.equals(SPNEGO_OID)) return undefined;
    const fields = contextFields(readElement(outer.content, oid.end), 0);
    const mechanisms = fields?.get(0);
    if (!mechanisms?.includes(NTLM_OID)) return undefined;
    return { token: octets(fields?.get(2)), mechanisms, mechanismListMic: octets(fields?.get(3)) };
  }
  const fields = contextFields(outer, 1);
  if (fields === undefined) return undefined;
  return { token: octets(fields.get(2)), mechanisms: undefined, mechanismListMic: octets(fields.get(3)) };
}

export function formatSpnegoAnswer(state: SpnegoState, token?: Buffer, mechanismListMic?: Buffer): Buffer {
  const fields = [element(context(0), element(TAG.enumerated, Buffer.from([state === 'completed' ? 0 : 1])))];
  if (token !== undefined) {
    fields.push(element(context(1), NTLM_OID), element(context(2), element(TAG.octets, token)));
  }
  if (mechanismListMic !== undefined) fields.push(element(context(3), element(TAG.octets, mechanismListMic)));
  return element(context(1), element(TAG.sequence, Buffer.concat(fields)));
}

interface Element {
  readonly tag: number;
  readonly content: Buffer;
  readonly whole: Buffer;
  readonly end: number;
}

/** Reads one DER element of definite length. */
function readElement(data: Buffer, at: number): Element | undefined {
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

function contextFields(wrapper: Element | undefined, number: number): ReadonlyMap<number, Buffer> | undefined {
  if (wrapper?.tag !== context(number)) return undefined;
  const sequence = readElement(wrapper.content, 0);
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

function octets(field: Buffer | undefined): Buffer | undefined {
  const inner = field && readElement(field, 0);
  return inner?.tag === TAG.octets ? inner.content : undefined;
}

function element(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const head =
    length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), content]);
}
