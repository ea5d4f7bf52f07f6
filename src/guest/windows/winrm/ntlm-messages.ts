import { unicode } from './ntlm-v2.ts';

/** Negotiate flags (MS-NLMP 2.2.2.5). */
const NTLM_FLAG = {
  unicode: 0x00000001,
  requestTarget: 0x00000004,
  sign: 0x00000010,
  seal: 0x00000020,
  ntlm: 0x00000200,
  alwaysSign: 0x00008000,
  extendedSessionSecurity: 0x00080000,
  targetInfo: 0x00800000,
  version: 0x02000000,
  key128: 0x20000000,
  keyExchange: 0x40000000,
  key56: 0x80000000,
} as const;

/** Attribute ids (MS-NLMP 2.2.2.1). */
export const AV_ID = { end: 0, flags: 6, timestamp: 7, targetName: 9, channelBindings: 10 } as const;

const SIGNATURE = Buffer.from('NTLMSSP\0', 'latin1');
/** A product version (Windows 10 build 19041), NTLM revision 15: for debugging by the peer only (MS-NLMP 2.2.2.10). */
const VERSION = Buffer.from([10, 0, 0x61, 0x4a, 0, 0, 0, 15]);

/** What the client offers; an answer repeats only flags from this set. */
export const OFFERED =
  (NTLM_FLAG.unicode |
    NTLM_FLAG.requestTarget |
    NTLM_FLAG.sign |
    NTLM_FLAG.seal |
    NTLM_FLAG.ntlm |
    NTLM_FLAG.alwaysSign |
    NTLM_FLAG.extendedSessionSecurity |
    NTLM_FLAG.targetInfo |
    NTLM_FLAG.version |
    NTLM_FLAG.key128 |
    NTLM_FLAG.keyExchange |
    NTLM_FLAG.key56) >>>
  0;

/** What sealing with NTLMv2 cannot do without; a server that drops one of them is refused. */
const REQUIRED =
  (NTLM_FLAG.unicode |
    NTLM_FLAG.sign |
    NTLM_FLAG.seal |
    NTLM_FLAG.extendedSessionSecurity |
    NTLM_FLAG.key128 |
    NTLM_FLAG.keyExchange) >>>
  0;

export function negotiateMessage(): Buffer {
  const message = Buffer.alloc(40);
  SIGNATURE.copy(message);
  message.writeUInt32LE(1, 8);
  message.writeUInt32LE(OFFERED, 12);
  // Domain and workstation are empty; their offsets point at the end of the message.
  message.writeUInt32LE(40, 20);
  message.writeUInt32LE(40, 28);
  VERSION.copy(message, 32);
  return message;
}

export interface AvPair {
  readonly id: number;
  readonly value: Buffer;
}

export interface NtlmChallenge {
  /** The whole message: the integrity code covers it. */
  readonly raw: Buffer;
  readonly flags: number;
  readonly serverChallenge: Buffer;
  readonly targetInfo: readonly AvPair[];
}

/** Parses the server's CHALLENGE_MESSAGE; returns undefined for anything that is not one we can answer safely. */
export function parseChallenge(raw: Buffer): NtlmChallenge | undefined {
  if (raw.length < 48 || !raw.subarray(0, 8).equals(SIGNATURE) || raw.readUInt32LE(8) !== 2) return undefined;
  const flags = raw.readUInt32LE(20);
  if ((flags & REQUIRED) >>> 0 !== REQUIRED) return undefined;
  const length = raw.readUInt16LE(40);
  const offset = raw.readUInt32LE(44);
  if (offset + length > raw.length) return undefined;
  const targetInfo = parseTargetInfo(raw.subarray(offset, offset + length));
  return targetInfo && { raw, flags, serverChallenge: raw.subarray(24, 32), targetInfo };
}

function parseTargetInfo(bytes: Buffer): readonly AvPair[] | undefined {
  const pairs: AvPair[] = [];
  for (let offset = 0; offset + 4 <= bytes.length; ) {
    const id = bytes.readUInt16LE(offset);
    const length = bytes.readUInt16LE(offset + 2);
    if (id === AV_ID.end) return pairs;
    if (offset + 4 + length > bytes.length) return undefined;
    pairs.push({ id, value: bytes.subarray(offset + 4, offset + 4 + length) });
    offset += 4 + length;
  }
  return bytes.length === 0 ? pairs : undefined;
}

export function encodeTargetInfo(pairs: readonly AvPair[]): Buffer {
  const parts: Buffer[] = [];
  for (const { id, value } of [...pairs, { id: AV_ID.end, value: Buffer.alloc(0) }]) {
    const head = Buffer.alloc(4);
    head.writeUInt16LE(id);
    head.writeUInt16LE(value.length, 2);
    parts.push(head, value);
  }
  return Buffer.concat(parts);
}

export interface AuthenticateFields {
  readonly flags: number;
  readonly domain: string;
  readonly user: string;
  readonly workstation: string;
  readonly lmChallengeResponse: Buffer;
  readonly ntChallengeResponse: Buffer;
  readonly encryptedSessionKey: Buffer;
}

export const MIC_OFFSET = 72;
const PAYLOAD_OFFSET = 88;

/** AUTHENTICATE_MESSAGE with room for the integrity code, which is still zero (MS-NLMP 2.2.1.3). */
export function authenticateMessage(fields: AuthenticateFields): Buffer {
  const payloads: readonly (readonly [number, Buffer])[] = [
    [28, unicode(fields.domain)],
    [36, unicode(fields.user)],
    [44, unicode(fields.workstation)],
    [12, fields.lmChallengeResponse],
    [20, fields.ntChallengeResponse],
    [52, fields.encryptedSessionKey],
  ];
  const head = Buffer.alloc(PAYLOAD_OFFSET);
  SIGNATURE.copy(head);
  head.writeUInt32LE(3, 8);
  head.writeUInt32LE(fields.flags, 60);
  VERSION.copy(head, 64);
  let offset = PAYLOAD_OFFSET;
  for (const [fieldOffset, payload] of payloads) {
    head.writeUInt16LE(payload.length, fieldOffset);
    head.writeUInt16LE(payload.length, fieldOffset + 2);
    head.writeUInt32LE(offset, fieldOffset + 4);
    offset += payload.length;
  }
  return Buffer.concat([head, ...payloads.map(([, payload]) => payload)]);
}
