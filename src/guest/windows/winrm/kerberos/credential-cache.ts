import type { KerberosKey } from './aes-encryption.ts';
import type { Principal } from './principal.ts';

/** A ticket with what is needed to use it. */
export interface Credential {
  readonly client: Principal;
  readonly service: Principal;
  readonly sessionKey: KerberosKey;
  readonly startsAt: Date;
  readonly endsAt: Date;
  /** DER of the Ticket. */
  readonly ticket: Buffer;
}

/** Settings of the cache itself stand among the tickets under this realm. */
const CONFIGURATION_REALM = 'X-CACHECONF:';

/**
 * The tickets in a credential cache file of MIT Kerberos, format 4 (krb5 documentation, "Credential cache file format").
 * Returns undefined when it is no such file or is cut off.
 */
export function readCredentialCache(bytes: Buffer): readonly Credential[] | undefined {
  const cursor = new Cursor(bytes);
  try {
    if (cursor.u16() !== 0x0504) return undefined;
    cursor.take(cursor.u16());
    cursor.principal();
    const credentials: Credential[] = [];
    while (!cursor.atEnd) credentials.push(cursor.credential());
    return credentials.filter(({ service }) => service.realm !== CONFIGURATION_REALM);
  } catch (thrown) {
    if (thrown instanceof RangeError) return undefined;
    throw thrown;
  }
}

/** Reads on from where it stands; all numbers are big-endian. Throws RangeError past the end. */
class Cursor {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  take(length: number): Buffer {
    if (this.#at + length > this.#bytes.length) throw new RangeError('cut off');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  u16(): number {
    return this.take(2).readUInt16BE();
  }

  principal(): Principal {
    const nameType = this.#u32();
    const count = this.#u32();
    const realm = this.#data().toString('utf8');
    return { nameType, realm, components: this.#times(count, () => this.#data().toString('utf8')) };
  }

  credential(): Credential {
    const client = this.principal();
    const service = this.principal();
    const sessionKey = { etype: this.u16(), value: this.#data() };
    const [authenticatedAt, startsAt, endsAt] = [this.#moment(), this.#moment(), this.#moment()];
    this.#moment(); // renewable until
    this.take(1 + 4); // is it a key of a user-to-user ticket; flags
    for (const _list of ['addresses', 'authorization data']) {
      this.#times(this.#u32(), () => this.take(2) && this.#data());
    }
    const ticket = this.#data();
    this.#data(); // second ticket
    // Without a start time the ticket holds from the authentication on (RFC 4120 5.3).
    const start = startsAt.getTime() === 0 ? authenticatedAt : startsAt;
    return { client, service, sessionKey, startsAt: start, endsAt, ticket };
  }

  #u32(): number {
    return this.take(4).readUInt32BE();
  }

  #data(): Buffer {
    return this.take(this.#u32());
  }

  #moment(): Date {
    return new Date(this.#u32() * 1000);
  }

  #times<Item>(count: number, read: () => Item): readonly Item[] {
    const items: Item[] = [];
    while (items.length < count) items.push(read());
    return items;
  }
}
