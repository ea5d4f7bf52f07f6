import type { WindowTimes } from '../../src/job/grade.ts';
import type { FreezeEvidence } from '../../src/ports/guest.ts';
import type { GradeHistory } from './grade-history.ts';
import { drawArray } from './point-histories.ts';
import type { Random } from './random.ts';
import { shadowEvidence } from './simulators/guest-evidence.ts';
import { drawWriters } from './simulators/writers.ts';

/** One capture of one VM whose guest made shadow copies: when they were there, and when they were looked for. */
export function drawShadowHistory(
  random: Random,
  trouble: number,
  disks: readonly (string | undefined)[],
): GradeHistory {
  const known = disks.filter((disk) => disk !== undefined);
  const volumes = random.chance(trouble / 3) ? known.slice(1) : known;
  const copied = random.chance(trouble / 6) ? volumes.slice(1) : volumes;
  const made = drawMoments(random, trouble);
  const array = drawArray(random, trouble, made.establishedAtMs);
  const writers = drawWriters(random, trouble / 2);
  const readsShadowCopies = random.chance(0.7);
  const hasOtherWriters = random.chance(trouble / 3);
  const { madeAtMs, goneAtMs, lookedAgainMs, seenAtMs } = made;
  const isGone = goneAtMs !== undefined && goneAtMs <= seenAtMs;
  const seen: FreezeEvidence | undefined = random.chance(trouble / 3)
    ? undefined
    : shadowEvidence.frozen(writers, copied, { madeMs: madeAtMs, lookedAgainMs, isGone });
  return {
    truth: {
      pointsOfDevices: array.points,
      holds: [
        {
          guest: 'vss-diskshadow',
          fromMs: madeAtMs,
          untilMs: goneAtMs,
          flushed: true,
          diskUuids: copied,
          applications: writers.map(({ before, quiesced }) => ({ required: before.required, quiesced })),
        },
      ],
      diskUuids: disks,
      readsShadowCopies,
      hasOtherWriters,
    },
    seen: {
      times: made.times,
      guest: { prepared: shadowEvidence.prepared(writers, volumes), freeze: seen },
      devices: array.devices,
      snapshots: array.seen,
      capturedDiskUuids: disks,
      readsShadowCopies,
      sharedDisks: hasOtherWriters ? ['Hard disk 1'] : [],
      heldBackDisks: [],
      layoutDoubts: [],
    },
  };
}

interface Moments {
  readonly times: WindowTimes;
  readonly establishedAtMs: number;
  readonly madeAtMs: number;
  /** As the guest wrote more than fits. */
  readonly goneAtMs: number | undefined;
  /** When the guest was asked for them again, and when it looked. */
  readonly lookedAgainMs: number;
  readonly seenAtMs: number;
}

/** The array takes whatever it takes: up to half a minute. */
function drawMoments(random: Random, trouble: number): Moments {
  const madeAtMs = random.between(0, 5000);
  const isTooEarly = random.chance(trouble / 6);
  const sentMs = isTooEarly ? madeAtMs - random.between(1, 4000) : madeAtMs + random.between(0, 3000);
  const establishedAtMs = sentMs + random.latency(300, 20_000, trouble);
  const answeredMs = establishedAtMs + random.latency(200, 9000, trouble);
  const isConfirmed = !random.chance(trouble / 2);
  const thawSentMs = isConfirmed ? answeredMs : sentMs + 60_000;
  const looksTooEarly = random.chance(trouble / 6);
  const lookedAgainMs = looksTooEarly ? sentMs - 1 : thawSentMs + random.between(0, 50);
  return {
    times: {
      freezeRequestedMs: sentMs,
      frozenMs: sentMs,
      establishSentMs: sentMs,
      establishConfirmedMs: isConfirmed ? answeredMs : undefined,
      thawSentMs,
      thawedMs: thawSentMs,
    },
    establishedAtMs,
    madeAtMs,
    goneAtMs: random.chance(trouble / 2) ? madeAtMs + random.between(0, 20_000) : undefined,
    lookedAgainMs,
    seenAtMs: lookedAgainMs + random.latency(100, 3000, trouble),
  };
}
