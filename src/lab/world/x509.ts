import { type KeyObject, randomBytes, sign } from 'node:crypto';
import { context, element, TAG } from './der.ts';

export interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

export interface CertificateContent extends Validity {
  /** Common names; nothing else stands in the names of the lab. */
  readonly subject: string;
  readonly issuer: string;
  readonly publicKey: KeyObject;
  readonly extensions: readonly Buffer[];
}

/** Object identifiers, as DER has them. */
const OID = {
  ecdsaWithSha256: '2a8648ce3d040302',
  commonName: '550403',
  keyUsage: '551d0f',
  subjectAltName: '551d11',
  basicConstraints: '551d13',
  extendedKeyUsage: '551d25',
  serverAuth: '2b06010505070301',
  clientAuth: '2b06010505070302',
} as const;
const TAG_OID = 0x06;
/** Inside of a structure that gives it its meaning: a number without a tag of its own. */
const implicit = (number: number, content: Buffer) => element(0x80 + number, content);
const oid = (name: keyof typeof OID) => element(TAG_OID, Buffer.from(OID[name], 'hex'));
const sequence = (...parts: readonly Buffer[]) => element(TAG.sequence, ...parts);
const bits = (content: Buffer, unused = 0) => element(TAG.bits, Buffer.from([unused]), content);
const TRUE = element(TAG.boolean, Buffer.from([0xff]));

/** RFC 5280 4.1.1.2. */
const SIGNATURE = sequence(oid('ecdsaWithSha256'));
/** Version 3: with extensions. */
const VERSION = element(context(0), element(TAG.integer, Buffer.from([2])));

/** A certificate as PEM, with the signature of a P-256 key (RFC 5280 4.1). */
export function signCertificate(content: CertificateContent, signingKey: KeyObject): string {
  const { subject, issuer, publicKey, notBefore, notAfter, extensions } = content;
  const signed = sequence(
    VERSION,
    // Positive, and without a leading zero.
    element(TAG.integer, Buffer.from([0x5a]), randomBytes(15)),
    SIGNATURE,
    nameOf(issuer),
    sequence(timeOf(notBefore), timeOf(notAfter)),
    nameOf(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    element(context(3), sequence(...extensions)),
  );
  const whole = sequence(signed, SIGNATURE, bits(sign('sha256', signed, signingKey)));
  const lines = whole.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

const nameOf = (commonName: string) =>
  sequence(element(TAG.set, sequence(oid('commonName'), element(TAG.utf8, Buffer.from(commonName, 'utf8')))));

/** Years before 2050 have two digits (RFC 5280 4.1.2.5.1); the lab has no others. */
const timeOf = (moment: Date) =>
  element(
    TAG.shortTime,
    Buffer.from(
      `${moment
        .toISOString()
        .slice(2)
        .replace(/[-:T]|\..*$/g, '')}Z`,
      'latin1',
    ),
  );

function extension(name: keyof typeof OID, value: Buffer, { critical = false } = {}): Buffer {
  return sequence(oid(name), ...(critical ? [TRUE] : []), element(TAG.octets, value));
}

export const ofAuthority = (): readonly Buffer[] => [
  extension('basicConstraints', sequence(TRUE), { critical: true }),
  // digitalSignature, keyCertSign, cRLSign.
  extension('keyUsage', bits(Buffer.from([0x86]), 1), { critical: true }),
];

export const ofNoAuthority = (): Buffer => extension('basicConstraints', sequence());

export const usedAs = (usage: 'serverAuth' | 'clientAuth'): Buffer =>
  extension('extendedKeyUsage', sequence(oid(usage)));

/** What checks of names look at: DNS names, and addresses of IPv4. */
export const alternativeNames = (names: readonly string[], addresses: readonly string[] = []): Buffer =>
  extension(
    'subjectAltName',
    sequence(
      ...names.map((name) => implicit(2, Buffer.from(name, 'latin1'))),
      ...addresses.map((address) => implicit(7, Buffer.from(address.split('.').map(Number)))),
    ),
  );
