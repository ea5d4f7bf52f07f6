import type { Lab } from '../../src/lab/lab.ts';

/** What others have on the array: on our source devices, with a name like ours, and a link of their own. */
export interface ForeignObjects {
  /** Everything about them that a run could change. */
  look(): string;
  /** Does this line of what was left behind tell of one of them? */
  isOnList(left: string): boolean;
}

const STRANGERS_SNAPSHOT = 'nightly';
/** Of our form, but of no run of this machine. */
const LIKE_OURS = 'snaphook-mb3k2j1f-x8q2zk';
const LINKED = 'clone-for-test';
const LINKED_SOURCE = '00301';
/** A device of our own pool, taken by somebody else. */
const LINKED_TARGET = '00601';

export function placeForeignObjects({ store, estate }: Lab): ForeignObjects {
  const sources = [...estate.guestDisks, ...estate.linuxDisks].map(({ device }) => device);
  store.establish({ name: STRANGERS_SNAPSHOT, devices: sources });
  store.establish({ name: LIKE_OURS, devices: sources });
  store.establish({ name: LINKED, devices: [LINKED_SOURCE] });
  store.link({
    name: LINKED,
    select: { generation: 0 },
    copy: false,
    pairs: [{ source: LINKED_SOURCE, target: LINKED_TARGET }],
  });
  const names = [STRANGERS_SNAPSHOT, LIKE_OURS, LINKED];
  return {
    look() {
      const snapshots = store
        .devices()
        .flatMap(({ id }) => store.snapshots(id))
        .filter(({ name }) => names.includes(name))
        .map(({ source, name, snapId, createdAt, expiresAt, links }) => {
          const targets = links.map(({ target, copy, linkedAt }) => ({ target, copy, linkedAt }));
          return { source, name, snapId, createdAt, expiresAt, targets };
        });
      const link = store.linkOf(LINKED_TARGET);
      return JSON.stringify({ snapshots, link: { source: link?.source, name: link?.name } });
    },
    isOnList: (left) =>
      left === `link on ${LINKED_TARGET}` || names.some((name) => left.startsWith(`snapshot ${name} on `)),
  };
}
