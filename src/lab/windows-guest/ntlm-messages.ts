/** NTLM messages and flags (MS-NLMP 2.2). */
export const NTLM_FLAGS = {
  unicode: 0x00000001,
  oem: 0x00000002,
  requestTarget: 0x00000004,
  sign: 0x00000010,
  seal: 0x00000020,
  ntlm: 0x00000200,
  anonymous: 0x00000800,
  alwaysSign: 0x00008000,
  targetTypeServer: 0x00020000,
  extendedSessionSecurity: 0x00080000,
  targetInfo: 0x00800000,
  version: 0x02000000,
  key128: 0x20000000,
  keyExchange: 0x40000000,
  key56: 0x80000000,
} as const;

/** Attribute ids of the target information (MS-NLMP 2.2.2.1). */
export const AV_ID = {
  end: 0,
  computerName: 1,
  domainName: 2,
  dnsComputerName: 3,
  dnsDomainName: 4,
  flags: 6,
  timestamp: 7,
  targetName: 9,
  channelBindings: 10,
} as const;

const SIGNATURE = Buffer.from('NTLMSSP\0', 'latin1');
const MIC_AT = 72;
const MIC_BYTES = 16;

export interface AuthenticateMessage {
  readonly flags: number;
  readonly domain: string;
  readonly user: string;
  readonly ntResponse: Buffer;
  readonly encryptedSessionKey: Buffer;
  /** Present when the message has room for it; whether it counts is said by the client's attribute flags. */
  readonly mic: Buffer | undefined;
}

/** Type of a token, or undefined when it is no NTLM message. */
export function ntlmMessageType(token: Buffer): number | undefined {
  if (token.length < 12 || !token.subarray(0, 8).equals(SIGNATURE)) return undefined;
  return token.readUInt32LE(8);
}

/** The client's flags. Undefined when the message is too short for its fixed fields. */
export function parseNegotiate(token: Buffer): number | undefined {
  return token.length >= 32 ? token.readUInt32LE(12) >>> 0 : undefined;
}

export function formatChallenge(flags: number, serverChallenge: Buffer, name: Buffer, targetInfo: Buffer): Buffer {
  const fixed = Buffer.alloc(56);
  SIGNATURE.copy(fixed);
  fixed.writeUInt32LE(2, 8);
  writeField(fixed, 12, name.length, fixed.length);
  fixed.writeUInt32LE(flags >>> 0, 20);
  serverChallenge.copy(fixed, 24);
  writeField(fixed, 40, targetInfo.length, fixed.length + name.length);
  // Windows 10.0 build 20348, NTLMSSP revision 15.
  fixed.set([10, 0, 0x7c, 0x4f, 0, 0, 0, 15], 48);
  return Buffer.concat([fixed, name, targetInfo]);
}

/** Undefined when a field points outside the message. */
export function parseAuthenticate(token: Buffer): AuthenticateMessage | undefined {
  if (token.length < 64) return undefined;
  const fields = [12, 20, 28, 36, 44, 52].map((at) => readField(token, at));
  const [, ntResponse, domain, user, , encryptedSessionKey] = fields;
  if (fields.includes(undefined) || !ntResponse || !domain || !user || !encryptedSessionKey) return undefined;
  const payloadFrom = Math.min(
    ...[12, 20, 28, 36, 44, 52].filter((at) => token.readUInt16LE(at) > 0).map((at) => token.readUInt32LE(at + 4)),
  );
  const flags = token.readUInt32LE(60) >>> 0;
  const text = (flags & NTLM_FLAGS.unicode) !== 0 ? 'utf16le' : 'latin1';
  return {
    flags,
    domain: domain.toString(text),
    user: user.toString(text),
    ntResponse,
    encryptedSessionKey,
    mic: payloadFrom >= MIC_AT + MIC_BYTES ? token.subarray(MIC_AT, MIC_AT + MIC_BYTES) : undefined,
  };
}

/** The message as it was when the client computed its MIC. */
export function withoutMic(authenticate: Buffer): Buffer {
  const copy = Buffer.from(authenticate);
  copy.fill(0, MIC_AT, MIC_AT + MIC_BYTES);
  return copy;
}

export function formatAvPairs(pairs: readonly (readonly [id: number, value: Buffer])[]): Buffer {
  const parts = [...pairs, [AV_ID.end, Buffer.alloc(0)] as const].map(([id, value]) => {
    const head = Buffer.alloc(4);
    head.writeUInt16LE(id, 0);
    head.writeUInt16LE(value.length, 2);
    return Buffer.concat([head, value]);
  });
  return Buffer.concat(parts);
}

/** Stops at the end mark; a truncated list gives undefined. */
export function parseAvPairs(data: Buffer): ReadonlyMap<number, Buffer> | undefined {
  const pairs = new Map<number, Buffer>();
  for (let at = 0; at + 4 <= data.length; ) {
    const id = data.readUInt16LE(at);
    if (id === AV_ID.end) return pairs;
    const end = at + 4 + data.readUInt16LE(at + 2);
    if (end > data.length) return undefined;
    pairs.set(id, data.subarray(at + 4, end));
    at = end;
  }
  return undefined;
}

function writeField(message: Buffer, at: number, length: number, offset: number): void {
  message.writeUInt16LE(length, at);
  message.writeUInt16LE(length, at + 2);
  message.writeUInt32LE(offset, at + 4);
}

function readField(message: Buffer, at: number): Buffer | undefined {
  const length = message.readUInt16LE(at);
  if (length === 0) return Buffer.alloc(0);
  const offset = message.readUInt32LE(at + 4);
  return offset + length <= message.length ? message.subarray(offset, offset + length) : undefined;
}
