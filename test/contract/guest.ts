import { setTimeout as sleepFor } from 'node:timers/promises';
import type { SnaphookError } from '../../src/ports/errors.ts';
import type { FreezeEvidence, Guest, Guests } from '../../src/ports/guest.ts';
import type { MoRef } from '../../src/ports/identity.ts';

/** A simulator knows at once what a guest on another machine has to be asked for. */
type Answer<Value> = Value | Promise<Value>;

/** One guest with an adapter for it, and what the guest itself says, past the adapter. */
export interface GuestWorld {
  readonly guests: Guests;
  readonly vm: { readonly name: string; readonly address: string; readonly moRef?: MoRef };
  /** Serials of the guest's disks; all of them hold volumes. */
  readonly diskUuids: readonly string[];
  /** The guest lets go by itself after this time; short enough to wait for. */
  readonly holdMs: number;
  /** Texts that must appear in no record and no error. */
  readonly secrets: readonly string[];
  /** For one call of the adapter, and until the guest has come to a state; default 8000. */
  readonly limitMs?: number;
  isFrozen(): Answer<boolean>;
  /** Sessions of ours that exist in the guest. */
  sessionCount(): Answer<number>;
  /** Those of them that `closeLeftover` has to end: the rest holds nothing and ends with its connection. */
  leftoverCount(): Answer<number>;
  /** Connections accepted so far. */
  connectionCount(): Answer<number>;
  close(): Promise<void>;
}

const FOREIGN_DISK = '6000c29ffffffffffffffffffffffffe';
const LIMIT_MS = 8000;
export const FREEZE_SOON = { freezeWithinMs: 60_000 };

/** Polls what the guest says until it is so. */
export async function until(condition: () => Answer<boolean>, what: string, limitMs = LIMIT_MS): Promise<void> {
  for (const deadline = performance.now() + limitMs; !(await condition()); await sleepFor(5)) {
    if (performance.now() > deadline) throw new Error(`it never came about that ${what}`);
  }
}

export const failureOf = async (promise: Promise<unknown>): Promise<SnaphookError> =>
  promise.then(
    () => {
      throw new Error('it should have failed');
    },
    (thrown: SnaphookError) => thrown,
  );

/** What did not come through the freeze well. */
function lostBy(evidence: FreezeEvidence): readonly string[] {
  if (evidence.strategy === 'vss-provider')
    return evidence.writersAfter
      .filter(({ required, hresult }) => required && Number(hresult) !== 0)
      .map(({ name }) => name);
  if (evidence.strategy === 'vss-diskshadow') return evidence.lost;
  const lost = evidence.fileSystems.filter(({ frozen, heldToTheEnd }) => !frozen || !heldToTheEnd);
  return [...lost, ...evidence.scripts.filter(({ exitCode }) => exitCode !== 0)].map(({ name }) => name);
}

/** What every Guest adapter promises. The world may be real or a simulator; it is made anew for each promise. */
export function guestContract(name: string, makeWorld: () => Promise<GuestWorld>): void {
  describe(`${name} keeps the promises of a guest`, () => {
    let world: GuestWorld;
    let guest: Guest;

    const within = () => AbortSignal.timeout(world.limitMs ?? LIMIT_MS);
    const comesAbout = (condition: () => Promise<boolean>, what: string) => until(condition, what, world.limitMs);
    const request = () => ({ runId: 'l1k2m3n4-abcdef', diskUuids: world.diskUuids, onSession: async () => undefined });
    const ready = async (one: Guest) => {
      await one.prepare(request(), within());
      await one.quiet(FREEZE_SOON, within());
    };

    beforeEach(async () => {
      world = await makeWorld();
      guest = world.guests.open(world.vm);
    });

    afterEach(async () => {
      await guest.close();
      await world.close();
    });

    test('prepare freezes nothing and tells helper, writers and a volume for every disk', async () => {
      const prepared = await guest.prepare(request(), within());

      expect(await world.isFrozen()).toBe(false);
      expect(prepared.helper).not.toBe('');
      expect(prepared.leaseMs).toBe(world.holdMs);
      if (prepared.strategy === 'vss-provider') expect(prepared.writersBefore.length).toBeGreaterThan(0);
      const covered = prepared.volumes.flatMap((volume) => volume.diskUuids);
      expect(covered).toEqual(expect.arrayContaining([...world.diskUuids]));
    });

    test('quiet tells what prepare told, and freezes nothing', async () => {
      const { helper, leaseMs, volumes } = await guest.prepare(request(), within());

      expect(await guest.quiet(FREEZE_SOON, within())).toMatchObject({ helper, leaseMs, volumes });
      expect(await world.isFrozen()).toBe(false);
    });

    test('the session is reported while it is made, before prepare ends, and holds no secret', async () => {
      const reported: { resume: Readonly<Record<string, string>>; sessions: number }[] = [];
      let prepared = false;
      const onSession = async (resume: Readonly<Record<string, string>>) => {
        expect(prepared).toBe(false);
        reported.push({ resume, sessions: await world.sessionCount() });
      };

      await guest.prepare({ ...request(), onSession }, within());
      prepared = true;

      // Of a session that is made piece by piece there are earlier ones.
      expect(reported.at(-1)?.sessions).toBe(1);
      for (const secret of world.secrets) expect(JSON.stringify(reported)).not.toContain(secret);
    });

    test('a disk without volume in the guest is refused by name, and nothing is frozen', async () => {
      const diskUuids = [...world.diskUuids, FOREIGN_DISK];

      const failure = await failureOf(guest.prepare({ ...request(), diskUuids }, within()));

      expect(failure).toMatchObject({ name: 'SnaphookError', code: expect.stringMatching(/^E_/) });
      expect(failure.message).toContain(FOREIGN_DISK);
      expect(await world.isFrozen()).toBe(false);
    });

    test('freeze resolves when the guest is frozen, and thaw when it writes again', async () => {
      await ready(guest);
      expect(await world.isFrozen()).toBe(false);
      await guest.freeze(within());
      expect(await world.isFrozen()).toBe(true);

      const verdict = await guest.thaw(within());

      expect(await world.isFrozen()).toBe(false);
      expect(verdict.kind).toBe('released');
      expect(verdict.heldMs).toBeGreaterThan(0);
    });

    test('freeze and thaw open no connection', async () => {
      await ready(guest);
      const before = await world.connectionCount();

      await guest.freeze(within());
      await guest.thaw(within());

      expect(await world.connectionCount()).toBe(before);
    });

    test('a released freeze ends finished and flushed, with every required writer well', async () => {
      await ready(guest);
      await guest.freeze(within());
      const verdict = await guest.thaw(within());

      const evidence = await guest.finish(within());

      expect(evidence).toMatchObject({ verdict, finished: true, flushed: true });
      expect(lostBy(evidence)).toEqual([]);
    });

    test('thaw may be called again and says the same', async () => {
      await ready(guest);
      await guest.freeze(within());
      const first = await guest.thaw(within());

      expect(await guest.thaw(within())).toEqual(first);
      await guest.finish(within());
      expect(await guest.thaw(within())).toEqual(first);
    });

    test('two thaws at once both see the guest write again', async () => {
      await ready(guest);
      await guest.freeze(within());

      const verdicts = await Promise.all([guest.thaw(within()), guest.thaw(within())]);

      expect(verdicts.map(({ kind }) => kind)).toEqual(['released', 'released']);
      expect(await world.isFrozen()).toBe(false);
    });

    test('thaw before any freeze resolves and proves nothing', async () => {
      expect((await guest.thaw(within())).kind).toBe('expired');
      await ready(guest);
      expect((await guest.thaw(within())).kind).toBe('expired');
    });

    test('a guest nobody thaws lets go by itself, and the verdict says so', async () => {
      await ready(guest);
      const asked = performance.now();
      await guest.freeze(within());
      const freezeMs = performance.now() - asked;
      await comesAbout(async () => !(await world.isFrozen()), 'the guest let go by itself');

      const verdict = await guest.thaw(within());
      const evidence = await guest.finish(within());

      expect(verdict.kind).toBe('expired');
      // The lease may run from the request on; both times are told in whole milliseconds.
      expect(verdict.heldMs).toBeGreaterThanOrEqual(world.holdMs - freezeMs - 2);
      expect(evidence).toMatchObject({ verdict, finished: false, flushed: false });
    });

    test('a freeze that was stopped at once had no effect', async () => {
      await ready(guest);

      const failure = await failureOf(guest.freeze(AbortSignal.abort()));

      expect(failure).toMatchObject({ code: 'E_FREEZE_FAILED', effect: 'none' });
      expect(await world.isFrozen()).toBe(false);
    });

    test('a freeze that was given up counts as unknown, and the thaw after it ends it', async () => {
      await ready(guest);
      const impatient = new AbortController();
      const freezing = guest.freeze(impatient.signal);
      impatient.abort();

      expect(await failureOf(freezing)).toMatchObject({ code: 'E_FREEZE_FAILED', effect: 'unknown' });
      await guest.thaw(within());

      expect(await world.isFrozen()).toBe(false);
    });

    test('close leaves no session, may be called twice and before anything was opened', async () => {
      const unused = world.guests.open(world.vm);
      await unused.close();
      await ready(guest);
      expect(await world.sessionCount()).toBe(1);

      await guest.close();
      await guest.close();

      expect(await world.sessionCount()).toBe(0);
    });

    test('close releases a guest that still stands still', async () => {
      await ready(guest);
      await guest.freeze(within());

      await guest.close();

      expect(await world.isFrozen()).toBe(false);
      expect(await world.sessionCount()).toBe(0);
    });

    test('close after a prepare that was stopped half way leaves no session', async () => {
      const stopped = new AbortController();
      const onSession = async () => stopped.abort();
      await failureOf(guest.prepare({ ...request(), onSession }, stopped.signal));

      await guest.close();

      await comesAbout(async () => (await world.sessionCount()) === 0, 'the session was gone');
    });

    test('a second session works as soon as the first is closed', async () => {
      await ready(guest);
      await guest.close();
      const next = world.guests.open(world.vm);
      await ready(next);
      await next.freeze(within());

      expect((await next.thaw(within())).kind).toBe('released');
      await next.close();
    });

    test('the session of a crashed run is ended by its record, frozen or not, and a second time is no error', async () => {
      let resume: Readonly<Record<string, string>> = {};
      const onSession = async (record: Readonly<Record<string, string>>) => {
        resume = record;
      };
      await guest.prepare({ ...request(), onSession }, within());
      await guest.quiet(FREEZE_SOON, within());
      await guest.freeze(within());

      expect(await world.leftoverCount()).toBe(1);

      await world.guests.closeLeftover(world.vm, { resume, mayStandStill: true }, within());

      expect(await world.leftoverCount()).toBe(0);
      expect(await world.isFrozen()).toBe(false);
      await world.guests.closeLeftover(world.vm, { resume, mayStandStill: true }, within());
    });
  });
}
