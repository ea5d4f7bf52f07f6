import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { findUser, type GuestUser } from './guest-accounts.ts';
import { md4 } from './md4.ts';
import {
  AV_ID,
  formatAvPairs,
  formatChallenge,
  NTLM_FLAGS,
  ntlmMessageType,
  parseAuthenticate,
  parseAvPairs,
  parseNegotiate,
  withoutMic,
} from './ntlm-messages.ts';
import { NtlmSession } from './ntlm-session.ts';
import { Rc4 } from './rc4.ts';

export interface NtlmIdentity {
  readonly hostName: string;
  readonly users: readonly GuestUser[];
  /** MD5 of the channel's binding structure (RFC 5929 tls-server-end-point); absent on plain HTTP. */
  readonly channelBinding?: Buffer;
  /** CbtHardeningLevel Strict instead of Relaxed. */
  readonly strictChannelBinding: boolean;
}

export type NtlmStep =
  | { readonly kind: 'challenge'; readonly token: Buffer }
  /** `session` is absent when the client did not negotiate sealing with 128-bit keys. */
  | { readonly kind: 'accepted'; readonly user: GuestUser; readonly session: NtlmSession | undefined }
  | { readonly kind: 'refused'; readonly reason: string };

const SUPPORTED_FLAGS = Object.values(NTLM_FLAGS).reduce((all, flag) => (all | flag) >>> 0, 0) & ~NTLM_FLAGS.anonymous;
const SEALING_FLAGS =
  NTLM_FLAGS.sign | NTLM_FLAGS.seal | NTLM_FLAGS.extendedSessionSecurity | NTLM_FLAGS.key128 | NTLM_FLAGS.keyExchange;
const MIC_PRESENT = 0x2;
/** NTLMv2 responses carry a time stamp first, a client challenge, then attributes (MS-NLMP 2.2.2.7). */
const CLIENT_ATTRIBUTES_AT = 28;
const PROOF_BYTES = 16;

const hmacMd5 = (key: Buffer, ...parts: readonly Buffer[]): Buffer => {
  const hmac = createHmac('md5', key);
  for (const part of parts) hmac.update(part);
  return hmac.digest();
};

/** The server's side of one NTLMv2 log-on (MS-NLMP 3.2.5). NTLMv1 and anonymous log-ons are refused. */
export class NtlmAcceptor {
  readonly #identity: NtlmIdentity;
  readonly #serverChallenge = randomBytes(8);
  #negotiate: Buffer | undefined;
  #challenge: Buffer | undefined;

  constructor(identity: NtlmIdentity) {
    this.#identity = identity;
  }

  step(token: Buffer): NtlmStep {
    const type = ntlmMessageType(token);
    if (type === 1) return this.#onNegotiate(token);
    if (type === 3) return this.#onAuthenticate(token);
    return refused('not an NTLM message of a client');
  }

  #onNegotiate(token: Buffer): NtlmStep {
    const wanted = parseNegotiate(token);
    if (wanted === undefined) return refused('NEGOTIATE message too short');
    if ((wanted & NTLM_FLAGS.extendedSessionSecurity) === 0) return refused('extended session security is required');
    const unicode = (wanted & NTLM_FLAGS.unicode) !== 0;
    if (!unicode && (wanted & NTLM_FLAGS.oem) === 0) return refused('neither Unicode nor OEM is offered');
    const added = NTLM_FLAGS.ntlm | NTLM_FLAGS.targetInfo | NTLM_FLAGS.targetTypeServer;
    // With both offered the server chooses Unicode (MS-NLMP 3.2.5.1.1).
    const flags = ((wanted & SUPPORTED_FLAGS) | added) & ~(unicode ? NTLM_FLAGS.oem : 0);
    const name = (text: string) => Buffer.from(text, 'utf16le');
    const host = this.#identity.hostName.toUpperCase();
    const dnsName = this.#identity.hostName.toLowerCase();
    const info = formatAvPairs([
      [AV_ID.domainName, name(host)],
      [AV_ID.computerName, name(host)],
      [AV_ID.dnsDomainName, name(dnsName)],
      [AV_ID.dnsComputerName, name(dnsName)],
      [AV_ID.timestamp, fileTimeNow()],
    ]);
    this.#negotiate = token;
    this.#challenge = formatChallenge(
      flags,
      this.#serverChallenge,
      Buffer.from(host, unicode ? 'utf16le' : 'latin1'),
      info,
    );
    return { kind: 'challenge', token: this.#challenge };
  }

  #onAuthenticate(token: Buffer): NtlmStep {
    const { users, hostName } = this.#identity;
    if (this.#negotiate === undefined || this.#challenge === undefined)
      return refused('AUTHENTICATE without challenge');
    const message = parseAuthenticate(token);
    if (message === undefined) return refused('malformed AUTHENTICATE message');
    const user = findUser(users, hostName, message.domain, message.user);
    if (user === undefined) return refused(`no account "${message.domain}\\${message.user}"`);
    if (message.ntResponse.length < PROOF_BYTES + CLIENT_ATTRIBUTES_AT) return refused('no NTLMv2 response');

    const responseKey = hmacMd5(
      md4(Buffer.from(user.password, 'utf16le')),
      Buffer.from(message.user.toUpperCase() + message.domain, 'utf16le'),
    );
    const proof = message.ntResponse.subarray(0, PROOF_BYTES);
    const blob = message.ntResponse.subarray(PROOF_BYTES);
    const expected = hmacMd5(responseKey, this.#serverChallenge, blob);
    if (!timingSafeEqual(proof, expected)) return refused('wrong password');
    if (blob[0] !== 1 || blob[1] !== 1) return refused('unknown version of NTLMv2 response');
    const attributes = parseAvPairs(blob.subarray(CLIENT_ATTRIBUTES_AT));
    if (attributes === undefined) return refused('malformed attributes in the NTLMv2 response');

    const sessionBaseKey = hmacMd5(responseKey, proof);
    const exchanged = (message.flags & NTLM_FLAGS.keyExchange) !== 0;
    if (exchanged && message.encryptedSessionKey.length !== 16) return refused('no session key');
    const sessionKey = exchanged ? new Rc4(sessionBaseKey).update(message.encryptedSessionKey) : sessionBaseKey;

    const attributeFlags = attributes.get(AV_ID.flags);
    if (attributeFlags !== undefined && (attributeFlags.readUInt32LE(0) & MIC_PRESENT) !== 0) {
      const mic = hmacMd5(sessionKey, this.#negotiate, this.#challenge, withoutMic(token));
      if (message.mic === undefined || !timingSafeEqual(mic, message.mic)) return refused('wrong MIC');
    }
    const binding = this.#checkChannelBinding(attributes.get(AV_ID.channelBindings));
    if (binding !== undefined) return refused(binding);

    const negotiated = this.#challenge.readUInt32LE(20) & message.flags;
    const seals = (negotiated & SEALING_FLAGS) === SEALING_FLAGS;
    return { kind: 'accepted', user, session: seals ? new NtlmSession(sessionKey) : undefined };
  }

  /** One that is sent must be right; none (or all zeros) passes where it is not required. */
  #checkChannelBinding(sent: Buffer | undefined): string | undefined {
    const { channelBinding: own, strictChannelBinding } = this.#identity;
    if (own === undefined) return undefined;
    if (sent === undefined || sent.every((byte) => byte === 0))
      return strictChannelBinding ? 'no channel binding' : undefined;
    return sent.length === own.length && timingSafeEqual(sent, own) ? undefined : 'wrong channel binding';
  }
}

function refused(reason: string): NtlmStep {
  return { kind: 'refused', reason };
}

/** 100-nanosecond intervals since 1601, little-endian. */
function fileTimeNow(): Buffer {
  const time = Buffer.alloc(8);
  time.writeBigUInt64LE((BigInt(Date.now()) + 11_644_473_600_000n) * 10_000n);
  return time;
}
