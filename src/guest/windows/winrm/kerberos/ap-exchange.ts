import { randomBytes, randomInt } from 'node:crypto';
import { WinRmError } from '../winrm-error.ts';
import { decrypt, encrypt, isSupportedKey, type KerberosKey } from './aes-encryption.ts';
import type { Credential } from './credential-cache.ts';
import {
  applicationTag,
  contentOf,
  element,
  field,
  fieldsOf,
  generalizedTime,
  generalString,
  integer,
  integerOf,
  needed,
  octets,
  octetsOf,
  read,
  sequence,
  TAG,
} from './der.ts';
import { GssSecurity } from './gss-security.ts';
import type { Principal } from './principal.ts';
import { KERBEROS_OID } from './spnego.ts';

/** Key usages of RFC 4120 7.5.1. */
const USAGE = { authenticator: 11, reply: 12 } as const;
const TOKEN_ID = { request: 0x0100, reply: 0x0200, error: 0x0300 } as const;
const MUTUAL_REQUIRED = Buffer.from([0, 0x20, 0, 0, 0]);
/** Mutual, replay and sequence detection, confidentiality, integrity (RFC 4121 4.1.1.1). */
const GSS_FLAGS = 0x3e;
const GSS_CHECKSUM_TYPE = 0x8003;

/** What the client proves itself with; it remembers what the reply must show. */
export interface ApRequest {
  /** The GSS token of the request. */
  readonly token: Buffer;
  readonly credential: Credential;
  readonly subkey: KerberosKey;
  readonly sequenceNumber: number;
  readonly seconds: number;
  readonly microseconds: number;
}

let lastStampUs = 0;

/** Microseconds since 1970, never the same twice: two authenticators with one stamp are a replay. */
function freshStampUs(now: Date): number {
  lastStampUs = Math.max(lastStampUs + 1, now.getTime() * 1000 + randomInt(1000));
  return lastStampUs;
}

/**
 * The first token of a login: AP-REQ with mutual authentication and a key for this session (RFC 4121 4.1).
 * @param channelBinding MD5 of the channel bindings; absent without TLS.
 */
export function requestLogin(credential: Credential, channelBinding: Buffer | undefined, now: Date): ApRequest {
  const stampUs = freshStampUs(now);
  const seconds = Math.floor(stampUs / 1_000_000);
  const microseconds = stampUs % 1_000_000;
  const subkey = { etype: credential.sessionKey.etype, value: randomBytes(credential.sessionKey.value.length) };
  const sequenceNumber = randomInt(2 ** 30);
  const authenticator = element(
    applicationTag(2),
    sequence(
      field(0, integer(5)),
      field(1, generalString(credential.client.realm)),
      field(2, principalName(credential.client)),
      field(3, sequence(field(0, integer(GSS_CHECKSUM_TYPE)), field(1, octets(gssChecksum(channelBinding))))),
      field(4, integer(microseconds)),
      field(5, generalizedTime(new Date(seconds * 1000))),
      field(6, sequence(field(0, integer(subkey.etype)), field(1, octets(subkey.value)))),
      field(7, integer(sequenceNumber)),
    ),
  );
  const { sessionKey } = credential;
  const sealed = octets(encrypt(sessionKey, USAGE.authenticator, authenticator));
  const request = element(
    applicationTag(14),
    sequence(
      field(0, integer(5)),
      field(1, integer(14)),
      field(2, element(TAG.bitString, MUTUAL_REQUIRED)),
      field(3, credential.ticket),
      field(4, sequence(field(0, integer(sessionKey.etype)), field(2, sealed))),
    ),
  );
  const token = element(0x60, KERBEROS_OID, tokenId(TOKEN_ID.request), request);
  return { token, credential, subkey, sequenceNumber, seconds, microseconds };
}

const principalName = ({ nameType, components }: Principal): Buffer =>
  sequence(field(0, integer(nameType)), field(1, sequence(...components.map(generalString))));

function gssChecksum(channelBinding: Buffer | undefined): Buffer {
  const bytes = Buffer.alloc(24);
  bytes.writeUInt32LE(16, 0);
  channelBinding?.copy(bytes, 4);
  bytes.writeUInt32LE(GSS_FLAGS, 20);
  return bytes;
}

function tokenId(id: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(id);
  return bytes;
}

/** The server's answer: proof that it holds the service's key, or an error of Kerberos by its number (RFC 4120 7.5.9). */
export type ApAnswer =
  | { readonly kind: 'accepted'; readonly security: GssSecurity }
  | { readonly kind: 'error'; readonly code: number };

/** Throws `malformed` when the token is damaged or does not prove the server. */
export function readReply(request: ApRequest, token: Buffer): ApAnswer {
  const { content } = read(token);
  const { rest } = read(content);
  if (rest.length < 2) throw unproven();
  const body = rest.subarray(2);
  const id = rest.readUInt16BE();
  if (id === TOKEN_ID.error) {
    return { kind: 'error', code: integerOf(needed(fieldsOf(contentOf(body, applicationTag(30))), 6)) };
  }
  if (id !== TOKEN_ID.reply) throw unproven();
  const sealed = fieldsOf(needed(fieldsOf(contentOf(body, applicationTag(15))), 2));
  const { sessionKey } = request.credential;
  const plain = decrypt(sessionKey, USAGE.reply, octetsOf(needed(sealed, 2)));
  if (plain === undefined) throw unproven();
  const fields = fieldsOf(contentOf(plain, applicationTag(27)));
  const time = generalizedTime(new Date(request.seconds * 1000));
  if (!needed(fields, 0).equals(time) || integerOf(needed(fields, 1)) !== request.microseconds) throw unproven();
  const chosen = fields.get(2);
  const acceptorSubkey = chosen && keyOf(chosen);
  if (acceptorSubkey && !isSupportedKey(acceptorSubkey)) {
    throw new WinRmError({
      kind: 'malformed',
      reason: `the server chose an encryption of type ${acceptorSubkey.etype}`,
    });
  }
  const number = fields.get(3);
  const security = new GssSecurity({
    key: acceptorSubkey ?? request.subkey,
    isAcceptorSubkey: acceptorSubkey !== undefined,
    sendFrom: request.sequenceNumber,
    receiveFrom: number === undefined ? 0 : integerOf(number),
  });
  return { kind: 'accepted', security };
}

const unproven = (): WinRmError =>
  new WinRmError({ kind: 'malformed', reason: 'the server did not prove that it holds the key of its service' });

function keyOf(bytes: Buffer): KerberosKey {
  const fields = fieldsOf(bytes);
  return { etype: integerOf(needed(fields, 0)), value: octetsOf(needed(fields, 1)) };
}
