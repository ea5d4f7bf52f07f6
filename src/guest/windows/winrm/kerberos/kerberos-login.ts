import { channelBindingHash } from '../channel-binding.ts';
import type { HttpAnswer } from '../http-exchange.ts';
import type { LoginPeer } from '../login-peer.ts';
import { negotiate, negotiateToken, refused } from '../negotiate.ts';
import { WinRmError } from '../winrm-error.ts';
import { isSupportedKey } from './aes-encryption.ts';
import { type ApRequest, readReply, requestLogin } from './ap-exchange.ts';
import type { Credential } from './credential-cache.ts';
import type { GssSecurity } from './gss-security.ts';
import { formatPrincipal } from './principal.ts';
import { MECHANISM_LIST, negotiationOf, readAnswer } from './spnego.ts';

/**
 * Logs one connection in with a ticket for its service: one message and the server's proof (RFC 4559, RFC 4121).
 * Throws `login` when refused or when the ticket cannot be used; nothing is tried twice.
 */
export async function loginKerberos(credential: Credential, peer: LoginPeer, now: Date): Promise<GssSecurity> {
  requireUsable(credential, now);
  const request = requestLogin(credential, peer.channelBinding && channelBindingHash(peer.channelBinding), now);
  const answer = await peer.post(negotiate(negotiationOf(request.token)));
  const token = negotiateToken(answer);
  if (answer.status === 401) throw refusedTicket(answer, request, token);
  if (answer.status >= 300) throw new WinRmError({ kind: 'http', status: answer.status });
  const negotiated = token && readAnswer(token);
  if (negotiated?.state !== 'completed' || negotiated.token === undefined) throw unfinished();
  const reply = readReply(request, negotiated.token);
  if (reply.kind === 'error') throw errorOf(reply.code);
  const { mechanismListMic } = negotiated;
  if (mechanismListMic && !reply.security.verifyMic(MECHANISM_LIST, mechanismListMic)) throw unfinished();
  return reply.security;
}

const unfinished = (): WinRmError =>
  new WinRmError({ kind: 'malformed', reason: 'the server let the login in without a proof of its own' });

function requireUsable({ sessionKey, client, startsAt, endsAt }: Credential, now: Date): void {
  const owner = formatPrincipal(client);
  if (!isSupportedKey(sessionKey)) {
    throw login(
      `the ticket of "${owner}" is for encryption type ${sessionKey.etype}, not AES`,
      'Allow AES for the account of the guest in its domain (msDS-SupportedEncryptionTypes); RC4 is not used.',
    );
  }
  if (now >= endsAt) {
    throw login(
      `the ticket of "${owner}" expired at ${endsAt.toISOString()}`,
      'Renew it with kinit, or give a keytab, with which a new one is fetched for every run.',
    );
  }
  if (now.getTime() + MAX_SKEW_MS < startsAt.getTime()) {
    throw login(`the ticket of "${owner}" is not valid before ${startsAt.toISOString()}`, CLOCKS);
  }
}

/** What all parties of Kerberos allow clocks to differ (RFC 4120 1.6). */
const MAX_SKEW_MS = 300_000;
const CLOCKS =
  'Synchronise the clocks of this machine, the guest and the domain controllers; they may differ by 5 minutes.';

const login = (reason: string, advice: string): WinRmError => new WinRmError({ kind: 'login', reason, advice });

function refusedTicket(answer: HttpAnswer, request: ApRequest, token: Buffer | undefined): WinRmError {
  const inner = token && readAnswer(token).token;
  const reply = inner && readReply(request, inner);
  return reply?.kind === 'error' ? errorOf(reply.code) : refused(answer, 'kerberos');
}

/** Errors of a server by number (RFC 4120 7.5.9); what is not here is told by its number. */
const ERRORS: ReadonlyMap<number, { readonly words: string; readonly advice: string }> = new Map([
  [
    31,
    {
      words: 'the guest cannot decrypt the ticket',
      advice:
        'The ticket is for another account or an old password of it: check the service principal name (setspn -Q HTTP/host).',
    },
  ],
  [32, { words: 'the ticket has expired', advice: 'Renew it with kinit.' }],
  [33, { words: 'the ticket is not yet valid', advice: CLOCKS }],
  [
    34,
    { words: 'the guest took the login for a replay', advice: 'Run it again; if it stays, look for a second client.' },
  ],
  [35, { words: 'the ticket is not for the guest', advice: 'Check the service principal name (setspn -Q HTTP/host).' }],
  [37, { words: 'the clocks differ too much', advice: CLOCKS }],
  [
    41,
    {
      words: 'the login was changed on its way',
      advice: 'Look for something that opens connections between here and the guest.',
    },
  ],
]);

function errorOf(code: number): WinRmError {
  const known = ERRORS.get(code);
  return login(
    `${known?.words ?? 'Kerberos refused'} (Kerberos error ${code})`,
    known?.advice ?? 'Look for the number in the security log of the guest.',
  );
}
