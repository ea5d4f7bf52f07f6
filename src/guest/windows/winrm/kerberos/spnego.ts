import { contentOf, element, field, fieldsOf, octets, octetsOf, read, sequence, TAG } from './der.ts';

const SPNEGO_OID = Buffer.from('06062b0601050502', 'hex');
/** 1.2.840.113554.1.2.2, Kerberos V5 (RFC 4121). */
export const KERBEROS_OID = Buffer.from('06092a864886f712010202', 'hex');

const MECHANISMS = sequence(KERBEROS_OID);

/** The first token of a negotiation that offers Kerberos alone, with Kerberos' own first token in it (RFC 4178 4.2.1). */
export function negotiationOf(kerberosToken: Buffer): Buffer {
  const init = sequence(field(0, MECHANISMS), field(2, octets(kerberosToken)));
  return element(0x60, SPNEGO_OID, field(0, init));
}

export interface NegotiationAnswer {
  /** `completed`: nothing more is to be sent. */
  readonly state: 'completed' | 'incomplete' | 'rejected';
  /** Kerberos' answer. */
  readonly token: Buffer | undefined;
  /** The server's check over the list of mechanisms; with one mechanism it need not send one (RFC 4178 section 5). */
  readonly mechanismListMic: Buffer | undefined;
}

/** What the check over the list of mechanisms is made of. */
export const MECHANISM_LIST = MECHANISMS;

const STATES = ['completed', 'incomplete', 'rejected', 'incomplete'] as const;

/** Reads the server's token: a NegTokenResp (RFC 4178 4.2.2), or Kerberos' own token without a wrapping. */
export function readAnswer(bytes: Buffer): NegotiationAnswer {
  if (read(bytes).tag === 0x60) return { state: 'completed', token: bytes, mechanismListMic: undefined };
  const fields = fieldsOf(contentOf(bytes, 0xa1));
  const octetsIn = (number: number) => {
    const found = fields.get(number);
    return found && octetsOf(found);
  };
  const state = fields.get(0);
  // The state is optional after the first answer only; without it the answer's token decides.
  const number = state === undefined ? 0 : (contentOf(state, TAG.enumerated)[0] ?? 2);
  return { state: STATES[number] ?? 'rejected', token: octetsIn(2), mechanismListMic: octetsIn(3) };
}
