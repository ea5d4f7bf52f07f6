import { contentIn, context, element, fieldsIn, readElement, TAG } from './der.ts';

/** The few SPNEGO tokens of RFC 4178 that carry NTLM or Kerberos. */
const NTLM_OID = Buffer.from([0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x0a]);
const SPNEGO_OID = Buffer.from([0x06, 0x06, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x02]);
const KERBEROS_OID = Buffer.from('06092a864886f712010202', 'hex');

export type Mechanism = 'ntlm' | 'kerberos';
const OIDS = { ntlm: NTLM_OID, kerberos: KERBEROS_OID } as const;

export interface SpnegoToken {
  /** The mechanism's token, absent in a negotiation that only lists mechanisms. */
  readonly token: Buffer | undefined;
  /** DER of the client's list of mechanisms, in the first token only. */
  readonly mechanisms: Buffer | undefined;
  readonly mechanismListMic: Buffer | undefined;
}

export type SpnegoState = 'completed' | 'incomplete' | 'rejected';
const STATE_NUMBERS = { completed: 0, incomplete: 1, rejected: 2 } as const;

/** Undefined when it is no SPNEGO token, or one that does not offer NTLM or Kerberos. */
export function parseSpnego(data: Buffer): SpnegoToken | undefined {
  const outer = readElement(data, 0);
  if (outer?.tag === TAG.application0) {
    const oid = readElement(outer.content, 0);
    if (!oid?.whole.equals(SPNEGO_OID)) return undefined;
    const fields = fieldsIn(readElement(outer.content, oid.end), context(0));
    const mechanisms = fields?.get(0);
    if (!mechanisms?.includes(NTLM_OID) && !mechanisms?.includes(KERBEROS_OID)) return undefined;
    return { token: octets(fields?.get(2)), mechanisms, mechanismListMic: octets(fields?.get(3)) };
  }
  const fields = fieldsIn(outer, context(1));
  if (fields === undefined) return undefined;
  return { token: octets(fields.get(2)), mechanisms: undefined, mechanismListMic: octets(fields.get(3)) };
}

const octets = (field: Buffer | undefined): Buffer | undefined => contentIn(field, TAG.octets);

export function formatSpnegoAnswer(
  mechanism: Mechanism,
  state: SpnegoState,
  token?: Buffer,
  mechanismListMic?: Buffer,
): Buffer {
  const fields = [element(context(0), element(TAG.enumerated, Buffer.from([STATE_NUMBERS[state]])))];
  if (token !== undefined) {
    fields.push(element(context(1), OIDS[mechanism]), element(context(2), element(TAG.octets, token)));
  }
  if (mechanismListMic !== undefined) fields.push(element(context(3), element(TAG.octets, mechanismListMic)));
  return element(context(1), element(TAG.sequence, Buffer.concat(fields)));
}
