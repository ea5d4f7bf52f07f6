import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/** What says which host keys are right. There is no trust on first use. */
export type HostTrust =
  /** As `ssh-keygen -l` prints them: `SHA256:` and 43 characters. */
  | { readonly kind: 'fingerprints'; readonly fingerprints: readonly string[] }
  /** Text of a file in the format of OpenSSH (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT). */
  | { readonly kind: 'known-hosts'; readonly text: string };

export interface HostAddress {
  readonly host: string;
  readonly port: number;
}

export type HostKeyVerdict =
  | { readonly trusted: true }
  | { readonly trusted: false; readonly reason: string; readonly fingerprint256: string };

/** `SHA256:` and the digest of the key in base64 without padding, as OpenSSH writes it. */
export const fingerprintOf = (key: Buffer): string =>
  `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;

/** Judges the public key a host showed, in its wire form. */
export function judgeHostKey(trust: HostTrust, address: HostAddress, key: Buffer): HostKeyVerdict {
  const fingerprint256 = fingerprintOf(key);
  const refuse = (reason: string): HostKeyVerdict => ({ trusted: false, reason, fingerprint256 });
  if (trust.kind === 'fingerprints')
    return trust.fingerprints.includes(fingerprint256) ? { trusted: true } : refuse('it is none of hostKeys');
  const entries = entriesFor(trust.text, address);
  if (entries.some((entry) => entry.revoked && entry.key.equals(key))) return refuse('it is revoked in known_hosts');
  const known = entries.filter(({ revoked }) => !revoked);
  if (known.some((entry) => entry.key.equals(key))) return { trusted: true };
  return refuse(
    known.length === 0
      ? `known_hosts has no key for "${nameOf(address)}"`
      : 'known_hosts has another key for this host',
  );
}

/** Types of the keys that are known for this host: it has to be asked for one of these, else it shows its favourite. */
export function knownKeyTypes(trust: HostTrust, address: HostAddress): readonly string[] {
  if (trust.kind === 'fingerprints') return [];
  const known = entriesFor(trust.text, address).filter(({ revoked }) => !revoked);
  return [...new Set(known.map(({ type }) => type))];
}

interface KnownHost {
  readonly revoked: boolean;
  readonly type: string;
  readonly key: Buffer;
}

/** OpenSSH writes a port other than 22 as `[host]:port`. */
const nameOf = ({ host, port }: HostAddress): string =>
  port === 22 ? host.toLowerCase() : `[${host.toLowerCase()}]:${port}`;

function entriesFor(text: string, address: HostAddress): readonly KnownHost[] {
  const name = nameOf(address);
  return text.split(/\r?\n/).flatMap((line) => {
    const words = line.trim().split(/[ \t]+/);
    const marker = words[0]?.startsWith('@') ? words.shift() : undefined;
    const [hosts, type, key] = words;
    // A certificate authority (`@cert-authority`) signs host certificates, which are not asked for.
    if (hosts === undefined || type === undefined || key === undefined || hosts.startsWith('#')) return [];
    if (marker !== undefined && marker !== '@revoked') return [];
    if (!matchesHosts(hosts, name)) return [];
    return [{ revoked: marker === '@revoked', type, key: Buffer.from(key, 'base64') }];
  });
}

function matchesHosts(hosts: string, name: string): boolean {
  if (hosts.startsWith('|')) return matchesHashed(hosts, name);
  const patterns = hosts.toLowerCase().split(',');
  const matches = (pattern: string) => matchesPattern(pattern, name);
  if (patterns.some((pattern) => pattern.startsWith('!') && matches(pattern.slice(1)))) return false;
  return patterns.some((pattern) => !pattern.startsWith('!') && matches(pattern));
}

function matchesPattern(pattern: string, name: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*/g, '.*')
    .replace(/\?/g, '.');
  return new RegExp(`^${source}$`).test(name);
}

/** `|1|salt|HMAC-SHA1 of the name`, both in base64 (HashKnownHosts). */
function matchesHashed(hosts: string, name: string): boolean {
  const [, magic, salt, hash] = hosts.split('|');
  if (magic !== '1' || salt === undefined || hash === undefined) return false;
  const expected = Buffer.from(hash, 'base64');
  const actual = createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest();
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}
