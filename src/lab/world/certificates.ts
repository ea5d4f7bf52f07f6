import { createPrivateKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { alternativeNames, ofAuthority, ofNoAuthority, signCertificate, usedAs, type Validity } from './x509.ts';

export interface LabAuthority {
  readonly name: string;
  /** PEM certificate clients must trust. */
  readonly certificate: string;
  readonly key: string;
}

/** A certificate and its key, as PEM. */
export interface LabServerCertificate {
  readonly key: string;
  readonly cert: string;
}

const makeKeys = () => promisify(generateKeyPair)('ec', { namedCurve: 'P-256' });

const forAYear = (): Validity => {
  const notBefore = new Date();
  return { notBefore, notAfter: new Date(notBefore.getTime() + 365 * 24 * 3_600_000) };
};

/** A certificate authority of the lab's own: clients verify for real, nothing is switched off. */
export async function createAuthority(name = 'snaphook lab CA'): Promise<LabAuthority> {
  const { key, cert } = await signedByItself(name, ofAuthority());
  return { name, certificate: cert, key };
}

/** Trusted by those alone who were told of exactly this certificate. */
export async function signedByItself(name: string, extensions: readonly Buffer[]): Promise<LabServerCertificate> {
  const { privateKey, publicKey } = await makeKeys();
  const content = { subject: name, issuer: name, publicKey, extensions, ...forAYear() };
  return { key: pemOf(privateKey), cert: signCertificate(content, privateKey) };
}

/** A server certificate for loopback and the given names, signed by the authority. */
export function issueCertificate(authority: LabAuthority, commonName: string): Promise<LabServerCertificate> {
  const names = alternativeNames([commonName, 'localhost'], ['127.0.0.1']);
  return issue(authority, commonName, forAYear(), [ofNoAuthority(), usedAs('serverAuth'), names]);
}

/** A certificate for clients, with one name. It is valid from now on for a year, unless told otherwise. */
export function issueClientCertificate(
  authority: LabAuthority,
  name: string,
  validity: Validity = forAYear(),
): Promise<LabServerCertificate> {
  return issue(authority, name, validity, [ofNoAuthority(), usedAs('clientAuth'), alternativeNames([name])]);
}

async function issue(
  authority: LabAuthority,
  subject: string,
  validity: Validity,
  extensions: readonly Buffer[],
): Promise<LabServerCertificate> {
  const { privateKey, publicKey } = await makeKeys();
  const content = { subject, issuer: authority.name, publicKey, extensions, ...validity };
  return { key: pemOf(privateKey), cert: signCertificate(content, createPrivateKey(authority.key)) };
}

const pemOf = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString();
