import { element, structure, TAG } from '../der.ts';
import { type AesKey, newKey, sealWith } from './aes.ts';
import { keyField, names, number, sealedField, text, time } from './fields.ts';

interface TicketOptions {
  readonly client: string;
  /** `HTTP/host`. */
  readonly service: string;
  readonly startsAt?: Date;
  readonly endsAt?: Date;
  /** Type of the session key; 18 is AES-256. */
  readonly etype?: AesKey['etype'];
}

const TICKET_LIFE_MS = 36_000_000;
const TICKET_USAGE = 2;

/** A domain with its services' keys. Instead of answering on the network it writes credential caches, as kinit leaves them. */
export class LabKerberosDomain {
  readonly realm: string;
  /** The domain's short name, for accounts. */
  readonly netbiosName: string;
  readonly #keys = new Map<string, AesKey>();

  constructor(realm: string) {
    this.realm = realm;
    this.netbiosName = realm.split('.')[0] ?? realm;
  }

  /** The service's long-term key, made when it is first asked for. Names of services are compared without case. */
  keyOf(service: string): AesKey {
    const name = service.toLowerCase();
    const key = this.#keys.get(name) ?? newKey();
    this.#keys.set(name, key);
    return key;
  }

  /** A credential cache file, format 4, with one ticket of the client for the service. */
  credentialCache(options: TicketOptions): Buffer {
    const { client, service, startsAt = new Date(Date.now() - 60_000), etype = 18 } = options;
    const endsAt = options.endsAt ?? new Date(startsAt.getTime() + TICKET_LIFE_MS);
    const session = newKey(etype);
    const ticket = this.#ticket({ client, service, startsAt, endsAt, session });
    const principal = (parts: readonly string[], type: number) =>
      Buffer.concat([u32(type), u32(parts.length), data(this.realm), ...parts.map(data)]);
    const owner = principal([client], 1);
    const configuration = Buffer.concat([
      owner,
      Buffer.concat([u32(0), u32(2), data('X-CACHECONF:'), data('krb5_ccache_conf_data'), data('fast_avail')]),
      Buffer.alloc(2 + 4 + 16 + 1 + 4 + 4 + 4),
      data('yes'),
      u32(0),
    ]);
    const credential = Buffer.concat([
      owner,
      principal(service.split('/'), 2),
      Buffer.from([0, session.etype]),
      data(session.value),
      ...[startsAt, startsAt, endsAt, new Date(0)].map((moment) => u32(Math.floor(moment.getTime() / 1000))),
      Buffer.alloc(1 + 4 + 4 + 4),
      data(ticket),
      u32(0),
    ]);
    // The header has one field, the clock's offset to the domain.
    const header = Buffer.from('0504000c00010008ffffffff00000000', 'hex');
    return Buffer.concat([header, owner, configuration, credential]);
  }

  #ticket(facts: {
    readonly client: string;
    readonly service: string;
    readonly startsAt: Date;
    readonly endsAt: Date;
    readonly session: AesKey;
  }): Buffer {
    const inside = element(
      0x63,
      structure({
        0: element(TAG.bits, Buffer.from([0, 0x40, 0x80, 0, 0])),
        1: keyField(facts.session),
        2: text(this.realm),
        3: names([facts.client]),
        4: structure({ 0: number(1), 1: element(TAG.octets, Buffer.alloc(0)) }),
        5: time(facts.startsAt),
        6: time(facts.startsAt),
        7: time(facts.endsAt),
      }),
    );
    const key = this.keyOf(facts.service);
    return element(
      0x61,
      structure({
        0: number(5),
        1: text(this.realm),
        2: names(facts.service.split('/'), 2),
        3: sealedField(key, sealWith(key, TICKET_USAGE, inside)),
      }),
    );
  }
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

const data = (value: string | Buffer): Buffer => {
  const bytes = typeof value === 'string' ? Buffer.from(value) : value;
  return Buffer.concat([u32(bytes.length), bytes]);
};
