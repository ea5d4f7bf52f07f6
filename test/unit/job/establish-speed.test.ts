import { limitError } from '../../../src/job/deadline.ts';
import { forecastOf } from '../../../src/job/establish-forecast.ts';
import { rememberEstablish } from '../../../src/job/establish-speed.ts';
import type { FreezeWindow } from '../../../src/job/freeze-window.ts';
import type { Run } from '../../../src/job/step.ts';
import { SnaphookError } from '../../../src/ports/errors.ts';
import type { EstablishTime } from '../../../src/ports/establish-times.ts';
import { arrayId } from '../../../src/ports/identity.ts';

const ARRAY = arrayId('000197900046');
const time = (tookMs: number, answered = true, devices = 1): EstablishTime => ({
  array: ARRAY,
  by: 'device-list',
  devices,
  tookMs,
  answered,
  at: '2026-11-26T01:00:00.000Z',
});

describe('what is expected of the next establish', () => {
  test('nothing, when nothing was measured', () => expect(forecastOf([])).toBeUndefined());

  test('half as much again as the slowest of the last 20: older ones do not count', () => {
    const old = Array.from({ length: 5 }, () => time(30_000));
    const latest = Array.from({ length: 20 }, (_, index) => time(100 + index * 100));
    expect(forecastOf([...old, ...latest])).toEqual({
      measured: 20,
      fastestMs: 100,
      slowestMs: 2000,
      gaveUp: false,
      expectedMs: 3000,
    });
  });

  test('as long as snapshots of about as many devices took, however many others there were since', () => {
    const nightly = [time(12_000, true, 300), ...Array.from({ length: 40 }, () => time(200, true, 2))];
    expect(forecastOf(nightly, 280)).toMatchObject({ measured: 1, expectedMs: 18_000 });
    expect(forecastOf(nightly, 3)).toMatchObject({ measured: 20, expectedMs: 300 });
    expect(forecastOf([time(12_000, true, 300)], 2)).toMatchObject({ measured: 1, expectedMs: 18_000 });
  });

  test('more than a time that was given up', () => {
    expect(forecastOf([time(200), time(8000, false)])).toMatchObject({ gaveUp: true, expectedMs: 12_000 });
  });
});

describe('what is remembered of a window', () => {
  const window = (times: Partial<FreezeWindow['times']>, establishError?: unknown): FreezeWindow => ({
    times: {
      freezeRequestedMs: 0,
      frozenMs: 10,
      establishSentMs: undefined,
      establishConfirmedMs: undefined,
      thawSentMs: undefined,
      thawedMs: undefined,
      ...times,
    },
    arrayServiceMs: undefined,
    freezeErrors: [],
    establishError,
    thaws: new Map(),
  });
  const late = limitError({ durationMs: 8000, code: 'E_FREEZE_WINDOW', message: 'late' });
  const refused = new SnaphookError('E_ARRAY_BUSY', 'busy');
  const remembered = async (
    over: FreezeWindow,
    remember?: () => Promise<void>,
    taken?: Pick<EstablishTime, 'by' | 'devices'>,
  ) => {
    const kept: EstablishTime[] = [];
    const warnings: string[] = [];
    // Only what is read of a run: its plan, array, clock and reporter.
    const run = {
      plan: { array: {}, devices: [{ device: '00001' }, { device: '00002' }] },
      array: { id: ARRAY },
      ports: {
        clock: { now: () => new Date('2026-11-26T01:00:00.000Z') },
        establishTimes: { remember: remember ?? (async (one: EstablishTime) => void kept.push(one)) },
        reporter: { warn: (text: string) => warnings.push(text) },
      },
    } as unknown as Run;
    await rememberEstablish(run, over, taken);
    return { kept, warnings };
  };

  test('from the request to the answer', async () => {
    const { kept } = await remembered(window({ establishSentMs: 20, establishConfirmedMs: 1270.4, thawSentMs: 1271 }));
    expect(kept).toEqual([{ ...time(1250), devices: 2 }]);
  });

  test('of a VM snapshot, which is no time of the array', async () => {
    const { kept } = await remembered(window({ establishSentMs: 20, establishConfirmedMs: 320 }), undefined, {
      by: 'vm-snapshot',
      devices: 3,
    });
    expect(kept).toEqual([{ ...time(300), by: 'vm-snapshot', devices: 3 }]);
  });

  test('that it was given up, when the answer never came in time', async () => {
    const { kept } = await remembered(window({ establishSentMs: 20, thawSentMs: 8020 }, late));
    expect(kept).toEqual([{ ...time(8000, false), devices: 2 }]);
  });

  test('nothing, when it was refused or never sent', async () => {
    expect((await remembered(window({ establishSentMs: 20, thawSentMs: 40 }, refused))).kept).toEqual([]);
    expect((await remembered(window({ thawSentMs: 40 }))).kept).toEqual([]);
  });

  test('a state directory that cannot be written costs a warning and not the run', async () => {
    const { warnings } = await remembered(window({ establishSentMs: 20, establishConfirmedMs: 30 }), async () => {
      throw new Error('disk full');
    });
    expect(warnings).toHaveLength(1);
  });
});
