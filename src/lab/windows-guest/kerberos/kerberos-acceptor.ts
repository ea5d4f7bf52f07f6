import { randomInt, timingSafeEqual } from 'node:crypto';
import { contentIn, element, fieldsIn, readElement, sequenceFields, structure, TAG } from '../der.ts';
import { type AesKey, newKey, openWith, sealWith } from './aes.ts';
import {
  keyField,
  number,
  readKey,
  readNames,
  readNumber,
  readSealed,
  readText,
  readTime,
  sealedField,
  text,
  time,
} from './fields.ts';
import { GssSession } from './gss-session.ts';

/** What a member of a domain knows: the key of its own service, and who it is. */
export interface KerberosService {
  readonly realm: string;
  readonly netbiosName: string;
  /** `HTTP/host`. */
  readonly service: string;
  readonly key: AesKey;
  /** Logins seen in the last minutes; all listeners of a guest share it. */
  readonly seen: Map<string, number>;
  readonly now: () => Date;
}

export type KerberosStep =
  /** Account as domain and name. */
  | {
      readonly kind: 'accepted';
      readonly domain: string;
      readonly name: string;
      readonly session: GssSession;
      readonly token: Buffer;
    }
  /** `token`: an error for the client, when there is one to send. */
  | { readonly kind: 'refused'; readonly reason: string; readonly token: Buffer | undefined };

const OID = Buffer.from('06092a864886f712010202', 'hex');
const USAGE = { ticket: 2, authenticator: 11, reply: 12 } as const;
const SKEW_MS = 300_000;
const MUTUAL_BIT = 0x20;
/** Errors of RFC 4120 7.5.9. */
const ERROR = { badIntegrity: 31, expired: 32, notYet: 33, replay: 34, notUs: 35, badMatch: 36, skew: 37 } as const;

/**
 * The server's side of a Kerberos log-on (RFC 4120 3.2.3, RFC 4121 4.1): the ticket must be for this service and valid now, the
 * authenticator fresh and never seen before, bound to the TLS channel where there is one, and it must ask for our proof.
 * @param channelBinding MD5 of the channel's binding structure; absent on plain HTTP.
 */
export function acceptKerberos(
  service: KerberosService,
  token: Buffer,
  channelBinding: Buffer | undefined,
  requireBinding: boolean,
): KerberosStep {
  const request = parseRequest(token);
  if (request === undefined) return refused('no Kerberos request');
  const fail = (code: number, reason: string): KerberosStep => ({
    kind: 'refused',
    reason,
    token: errorToken(service, code),
  });
  const now = service.now();
  if (request.realm !== service.realm || request.service.toLowerCase() !== service.service.toLowerCase()) {
    return fail(ERROR.notUs, `the ticket is for ${request.service}@${request.realm}`);
  }
  const ticket = openTicket(service.key, request.sealedTicket);
  if (ticket === undefined) return fail(ERROR.badIntegrity, 'the ticket is not of the key of the service');
  if (now > new Date(ticket.endsAt.getTime() + SKEW_MS)) return fail(ERROR.expired, 'the ticket has expired');
  if (now < new Date(ticket.startsAt.getTime() - SKEW_MS)) return fail(ERROR.notYet, 'the ticket is not yet valid');
  const sealed = readSealed(request.authenticator, ticket.session.etype);
  const authenticator = sealed && openAuthenticator(ticket.session, sealed);
  if (authenticator === undefined) return fail(ERROR.badIntegrity, 'the authenticator is not of the key of the ticket');
  if (authenticator.client !== ticket.client || authenticator.realm !== ticket.realm) {
    return fail(ERROR.badMatch, 'ticket and authenticator name two clients');
  }
  const sentMs = authenticator.seconds.getTime();
  if (Math.abs(sentMs - now.getTime()) > SKEW_MS) return fail(ERROR.skew, 'the clocks differ');
  if (isReplay(service, `${authenticator.client} ${sentMs} ${authenticator.microseconds}`, now.getTime())) {
    return fail(ERROR.replay, 'this login was seen before');
  }
  const binding = checkBinding(authenticator.checksum, channelBinding, requireBinding);
  if (binding !== undefined) return refused(binding);
  if (!request.wantsMutual) return refused('no mutual authentication is asked for');

  const subkey = newKey(ticket.session.etype);
  const startsAt = randomInt(2 ** 30);
  const part = element(
    0x7b,
    structure({
      0: time(authenticator.seconds),
      1: number(authenticator.microseconds),
      2: keyField(subkey),
      3: number(startsAt),
    }),
  );
  const reply = sealedField(ticket.session, sealWith(ticket.session, USAGE.reply, part));
  return {
    kind: 'accepted',
    domain: service.netbiosName,
    name: ticket.client,
    session: new GssSession(subkey, authenticator.sequence, startsAt),
    token: gssToken([2, 0], element(0x6f, structure({ 0: number(5), 1: number(15), 2: reply }))),
  };
}

const refused = (reason: string): KerberosStep => ({ kind: 'refused', reason, token: undefined });

const gssToken = (id: readonly number[], message: Buffer): Buffer =>
  element(TAG.application0, Buffer.concat([OID, Buffer.from(id), message]));

function errorToken(service: KerberosService, code: number): Buffer {
  const [instance = '', host = ''] = service.service.split('/');
  const now = service.now();
  const name = structure({ 0: number(2), 1: element(TAG.sequence, Buffer.concat([text(instance), text(host)])) });
  const fields = {
    0: number(5),
    1: number(30),
    4: time(now),
    5: number(0),
    6: number(code),
    9: text(service.realm),
    10: name,
  };
  return gssToken([3, 0], element(0x7e, structure(fields)));
}

function parseRequest(token: Buffer) {
  const outer = readElement(token, 0);
  const oid = outer?.tag === TAG.application0 ? readElement(outer.content, 0) : undefined;
  if (!outer || !oid?.whole.equals(OID)) return undefined;
  if (outer.content.subarray(oid.end, oid.end + 2).toString('hex') !== '0100') return undefined;
  const fields = fieldsIn(readElement(outer.content, oid.end + 2), 0x6e);
  const options = contentIn(fields?.get(2), TAG.bits);
  const ticketField = fields?.get(3);
  const ticket = ticketField && fieldsIn(readElement(ticketField, 0), 0x61);
  const [realm, service] = [readText(ticket?.get(1)), readNames(ticket?.get(2))];
  const [sealedTicket, authenticator] = [ticket?.get(3), fields?.get(4)];
  if (!options || !realm || !service || !sealedTicket || !authenticator) return undefined;
  return { realm, service, sealedTicket, authenticator, wantsMutual: ((options[1] ?? 0) & MUTUAL_BIT) !== 0 };
}

function openTicket(key: AesKey, field: Buffer) {
  const sealed = readSealed(field, key.etype);
  const plain = sealed && openWith(key, USAGE.ticket, sealed);
  const fields = plain && fieldsIn(readElement(plain, 0), 0x63);
  const session = readKey(fields?.get(1));
  const [realm, client] = [readText(fields?.get(2)), readNames(fields?.get(3))];
  const [startsAt, endsAt] = [readTime(fields?.get(6) ?? fields?.get(5)), readTime(fields?.get(7))];
  return session && realm && client && startsAt && endsAt ? { session, realm, client, startsAt, endsAt } : undefined;
}

function openAuthenticator(key: AesKey, sealed: Buffer) {
  const plain = openWith(key, USAGE.authenticator, sealed);
  const fields = plain && fieldsIn(readElement(plain, 0), 0x62);
  const [realm, client] = [readText(fields?.get(1)), readNames(fields?.get(2))];
  const checksum = fields?.get(3);
  const [microseconds, seconds] = [readNumber(fields?.get(4)), readTime(fields?.get(5))];
  const sequence = readNumber(fields?.get(7)) ?? 0;
  if (!realm || !client || !checksum || microseconds === undefined || !seconds) return undefined;
  return { realm, client, checksum, microseconds, seconds, sequence };
}

function isReplay({ seen }: KerberosService, login: string, nowMs: number): boolean {
  for (const [other, atMs] of seen) if (nowMs - atMs > 2 * SKEW_MS) seen.delete(other);
  if (seen.has(login)) return true;
  seen.set(login, nowMs);
  return false;
}

/** The checksum of GSS (RFC 4121 4.1.1). What is wrong with it, if anything. */
function checkBinding(field: Buffer, own: Buffer | undefined, required: boolean): string | undefined {
  const fields = sequenceFields(field);
  const data = contentIn(fields?.get(1), TAG.octets);
  if (readNumber(fields?.get(0)) !== 0x8003 || !data || data.length < 24) return 'no checksum of GSS';
  const sent = data.subarray(4, 20);
  if (own === undefined) return undefined;
  if (sent.every((byte) => byte === 0)) return required ? 'no channel binding' : undefined;
  return timingSafeEqual(sent, own) ? undefined : 'wrong channel binding';
}
