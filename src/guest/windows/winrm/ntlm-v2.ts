import { createHash, createHmac } from 'node:crypto';
import { md4 } from './md4.ts';

/** The account as MS-NLMP wants it: `domain` empty for a user principal name such as `backup@corp.example`. */
export interface NtlmAccount {
  readonly user: string;
  readonly domain: string;
}

/** Reads `DOMAIN\user`, `user@domain` or `user`. */
export function parseAccount(username: string): NtlmAccount {
  const slash = username.indexOf('\\');
  if (slash < 0) return { user: username, domain: '' };
  return { domain: username.slice(0, slash), user: username.slice(slash + 1) };
}

export const unicode = (text: string): Buffer => Buffer.from(text, 'utf16le');

export function hmacMd5(key: Uint8Array, ...parts: readonly Uint8Array[]): Buffer {
  const hmac = createHmac('md5', key);
  for (const part of parts) hmac.update(part);
  return hmac.digest();
}

export function md5(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('md5');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** The key every NTLMv2 response is made with (NTOWFv2, MS-NLMP 3.3.2). */
export function responseKey(account: NtlmAccount, password: string): Buffer {
  return hmacMd5(md4(unicode(password)), unicode(account.user.toUpperCase() + account.domain));
}

export interface NtlmV2Input {
  readonly responseKey: Buffer;
  /** 8 bytes of the server's challenge. */
  readonly serverChallenge: Buffer;
  /** 8 random bytes. */
  readonly clientChallenge: Buffer;
  /** 8 bytes, a Windows FILETIME. */
  readonly fileTime: Buffer;
  /** The attribute pairs that go into the response. */
  readonly targetInfo: Buffer;
}

export interface NtlmV2Response {
  readonly ntChallengeResponse: Buffer;
  readonly lmChallengeResponse: Buffer;
  readonly sessionBaseKey: Buffer;
}

/** The NTLMv2 responses and the session base key (MS-NLMP 3.3.2). */
export function ntlmV2Response(input: NtlmV2Input): NtlmV2Response {
  const { serverChallenge, clientChallenge } = input;
  const clientBlob = Buffer.concat([
    Buffer.from([1, 1, 0, 0, 0, 0, 0, 0]),
    input.fileTime,
    clientChallenge,
    Buffer.alloc(4),
    input.targetInfo,
    Buffer.alloc(4),
  ]);
  const proof = hmacMd5(input.responseKey, serverChallenge, clientBlob);
  return {
    ntChallengeResponse: Buffer.concat([proof, clientBlob]),
    lmChallengeResponse: Buffer.concat([hmacMd5(input.responseKey, serverChallenge, clientChallenge), clientChallenge]),
    sessionBaseKey: hmacMd5(input.responseKey, proof),
  };
}
