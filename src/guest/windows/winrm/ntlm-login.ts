import { randomBytes } from 'node:crypto';
import { channelBindingHash } from './channel-binding.ts';
import {
  AV_ID,
  type AvPair,
  authenticateMessage,
  encodeTargetInfo,
  MIC_OFFSET,
  type NtlmChallenge,
  negotiateMessage,
  OFFERED,
  parseChallenge,
} from './ntlm-messages.ts';
import { NtlmSecurity } from './ntlm-security.ts';
import { hmacMd5, ntlmV2Response, parseAccount, responseKey, unicode } from './ntlm-v2.ts';
import { rc4 } from './rc4.ts';

export interface NtlmLogin {
  readonly username: string;
  readonly password: string;
  /** The host name or address the connection was made to; becomes the target name `HTTP/host`. */
  readonly host: string;
  /** The TLS channel's `tls-server-end-point` data; absent on plain HTTP. */
  readonly channelBinding?: Buffer | undefined;
}

/** Random parts and time, exchangeable so that published vectors can be checked. */
export interface NtlmEntropy {
  readonly clientChallenge: Buffer;
  readonly sessionKey: Buffer;
  readonly now: Date;
}

const freshEntropy = (): NtlmEntropy => ({
  clientChallenge: randomBytes(8),
  sessionKey: randomBytes(16),
  now: new Date(),
});

export interface NtlmAnswer {
  /** AUTHENTICATE_MESSAGE. */
  readonly message: Buffer;
  readonly security: NtlmSecurity;
}

/** The first message of a login; it says nothing about the account. */
export const startNtlm = negotiateMessage;

/**
 * Answers the server's challenge with NTLMv2 only: key exchange, 128-bit sealing, the integrity code when the challenge
 * carries a time stamp, channel bindings when there is a TLS channel (MS-NLMP 3.1.5.1.2).
 * Returns undefined when the challenge is malformed or would weaken the session.
 */
export function answerNtlm(login: NtlmLogin, challenge: Buffer, entropy = freshEntropy()): NtlmAnswer | undefined {
  const parsed = parseChallenge(challenge);
  if (!parsed) return undefined;
  const account = parseAccount(login.username);
  const stamp = parsed.targetInfo.find(({ id, value }) => id === AV_ID.timestamp && value.length === 8)?.value;
  const response = ntlmV2Response({
    responseKey: responseKey(account, login.password),
    serverChallenge: parsed.serverChallenge,
    clientChallenge: entropy.clientChallenge,
    fileTime: stamp ?? fileTime(entropy.now),
    targetInfo: encodeTargetInfo(answeredInfo(parsed, login, stamp !== undefined)),
  });
  const message = authenticateMessage({
    flags: (parsed.flags & OFFERED) >>> 0,
    domain: account.domain,
    user: account.user,
    workstation: '',
    // With a time stamp the LM response is not sent (MS-NLMP 3.1.5.1.2).
    lmChallengeResponse: stamp ? Buffer.alloc(24) : response.lmChallengeResponse,
    ntChallengeResponse: response.ntChallengeResponse,
    encryptedSessionKey: rc4(response.sessionBaseKey)(entropy.sessionKey),
  });
  if (stamp) hmacMd5(entropy.sessionKey, startNtlm(), parsed.raw, message).copy(message, MIC_OFFSET);
  return { message, security: new NtlmSecurity(entropy.sessionKey) };
}

function answeredInfo(challenge: NtlmChallenge, login: NtlmLogin, withMic: boolean): readonly AvPair[] {
  const ours: readonly number[] = [AV_ID.flags, AV_ID.targetName, AV_ID.channelBindings];
  const pairs: AvPair[] = challenge.targetInfo.filter(({ id }) => !ours.includes(id));
  if (withMic) pairs.push({ id: AV_ID.flags, value: Buffer.from([2, 0, 0, 0]) });
  if (login.channelBinding) {
    pairs.push({ id: AV_ID.channelBindings, value: channelBindingHash(login.channelBinding) });
  }
  pairs.push({ id: AV_ID.targetName, value: unicode(`HTTP/${login.host}`) });
  return pairs;
}

/** 100-nanosecond steps since 1601-01-01 UTC. */
function fileTime(now: Date): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE((BigInt(now.getTime()) + 11_644_473_600_000n) * 10_000n);
  return bytes;
}
