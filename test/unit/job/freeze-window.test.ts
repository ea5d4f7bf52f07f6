import { holdFreezeWindow, windowFailure } from '../../../src/job/freeze-window.ts';
import { DEFAULT_LIMITS } from '../../../src/job/job-spec.ts';
import type { Run } from '../../../src/job/step.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import { SnaphookError } from '../../../src/ports/errors.ts';
import type { FreezeStrategy, Guest } from '../../../src/ports/guest.ts';
import { type InstanceUuid, instanceUuid } from '../../../src/ports/identity.ts';

let happened: string[];
beforeEach(() => {
  happened = [];
});

const never = () => new Promise<never>(() => undefined);
const uuidOf = (index: number): InstanceUuid => instanceUuid(`00000000-0000-0000-0000-00000000000${index}`);

function guest(name: string, change: Partial<Guest> = {}): Guest {
  return {
    name,
    scriptLimitMs: 0,
    prepare: never,
    quiet: never,
    freeze: async () => {
      happened.push(`freeze ${name}`);
    },
    thaw: async () => {
      happened.push(`thaw ${name}`);
      return { kind: 'released', heldMs: 1 };
    },
    finish: never,
    close: async () => 'closed',
    ...change,
  };
}

/** The window needs of its run the guests, the array, the limits and a clock. */
function runOf(
  guests: readonly (readonly [Guest, FreezeStrategy])[],
  establish: () => Promise<{ serviceMs: number | undefined }>,
): Run {
  const limits = { ...DEFAULT_LIMITS, freezeMs: 30, establishMs: 30, thawMs: 30 };
  return {
    plan: {
      spec: { limits },
      devices: [],
      vms: guests.map(([, freeze], index) => ({ instanceUuid: uuidOf(index), freeze })),
    },
    ports: { clock: systemClock, tidyMemory: () => void happened.push('tidy memory') },
    array: { establish },
    openGuests: new Map(guests.map(([open], index) => [uuidOf(index), open])),
  } as unknown as Run;
}

const establishes = async () => {
  happened.push('establish');
  return { serviceMs: 2 };
};
const hold = (run: Run) => holdFreezeWindow(run, new AbortController().signal);

test('file systems of Linux are frozen last, so that they do not wait for VSS with their lease running', async () => {
  const slow = guest('sql01', {
    freeze: async () => {
      await Promise.resolve();
      happened.push('freeze sql01');
    },
  });

  await hold(
    runOf(
      [
        [guest('pg01'), 'linux-fsfreeze'],
        [slow, 'vss-provider'],
      ],
      establishes,
    ),
  );

  expect(happened).toEqual(['tidy memory', 'freeze sql01', 'freeze pg01', 'establish', 'thaw pg01', 'thaw sql01']);
});

test('when VSS fails no file system of Linux is frozen for nothing, and every guest is told to thaw', async () => {
  const failing = guest('sql01', { freeze: () => Promise.reject(new Error('veto')) });

  const window = await hold(
    runOf(
      [
        [guest('pg01'), 'linux-fsfreeze'],
        [failing, 'vss-provider'],
      ],
      establishes,
    ),
  );

  expect(window.freezeErrors).toHaveLength(1);
  expect(happened).toEqual(['tidy memory', 'thaw pg01', 'thaw sql01']);
});

test('an establish that hears nothing, not even that it is given up, does not keep guests frozen', async () => {
  const window = await hold(runOf([[guest('sql01'), 'vss-provider']], never));

  expect(happened).toEqual(['tidy memory', 'freeze sql01', 'thaw sql01']);
  expect(window.establishError).toMatchObject({ code: 'E_FREEZE_WINDOW', effect: 'unknown' });
});

test('a freeze that hears nothing is given up: all guests are thawed and nothing is established', async () => {
  const deaf = guest('sql01', { freeze: never });

  const window = await hold(
    runOf(
      [
        [deaf, 'vss-provider'],
        [guest('sql02'), 'vss-provider'],
      ],
      establishes,
    ),
  );

  expect(happened).toEqual(['tidy memory', 'freeze sql02', 'thaw sql01', 'thaw sql02']);
  expect(window.freezeErrors).toMatchObject([{ code: 'E_FREEZE_FAILED', effect: 'unknown' }]);
});

test('a guest that does not confirm its thaw is told as unconfirmed, and the others are not kept waiting', async () => {
  const window = await hold(
    runOf(
      [
        [guest('sql01', { thaw: never }), 'vss-provider'],
        [guest('sql02'), 'vss-provider'],
      ],
      establishes,
    ),
  );

  expect(window.thaws.get(uuidOf(0))).toMatchObject({ confirmed: false, error: { code: 'E_THAW_UNCONFIRMED' } });
  expect(window.thaws.get(uuidOf(1))).toMatchObject({ confirmed: true });
});

test('an establish that is called off may still take effect, whatever the reason says: here a lock that was lost', async () => {
  const lost = new AbortController();
  const calledOff = () => {
    lost.abort(new SnaphookError('E_LOCKED', 'lock "vm-1" may be taken over'));
    return never();
  };

  const window = await holdFreezeWindow(runOf([[guest('sql01'), 'vss-provider']], calledOff), lost.signal);

  expect(window.establishError).toMatchObject({ code: 'E_LOCKED', effect: 'unknown' });
  expect(windowFailure(window)).toBeUndefined();
});
