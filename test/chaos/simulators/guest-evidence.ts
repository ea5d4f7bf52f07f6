import type {
  FreezeEvidence,
  FrozenFileSystem,
  ListedWriter,
  PreparedGuest,
  ShadowCopy,
  ThawVerdict,
  WriterStatus,
} from '../../../src/ports/guest.ts';
import { applicationsOf, freezeRuns, runsAfter, type ScriptHistory } from './guest-scripts.ts';
import type { SimFileSystem } from './linux-machine.ts';
import type { WriterHistory } from './windows-machine.ts';

const FINISHED = '0x0004230A';
const VETOED = '0x80042306';

/** Scripts of a guest, and the applications that its settings name. */
interface Spoken {
  readonly scripts: readonly ScriptHistory[];
  readonly required: readonly string[];
}
const NOBODY: Spoken = { scripts: [], required: [] };

/** Everything that is told to the product as evidence of a Windows guest is made here. */
export const windowsEvidence = {
  prepared(
    writers: readonly WriterHistory[],
    disks: readonly string[],
    leaseMs: number,
    { scripts, required } = NOBODY,
  ): PreparedGuest {
    return {
      strategy: 'vss-provider',
      helper: 'simulated 1.0',
      writersBefore: writers.map(({ before }) => before),
      volumes: disks.map((disk, index) => ({ name: `${String.fromCharCode(68 + index)}:\\`, diskUuids: [disk] })),
      leaseMs,
      applications: applicationsOf(scripts, required),
      scripts: freezeRuns(scripts),
    };
  },

  frozen(
    writers: readonly WriterHistory[],
    verdict: ThawVerdict,
    finished: boolean,
    scripts: readonly ScriptHistory[] = [],
  ): FreezeEvidence {
    return {
      strategy: 'vss-provider',
      verdict,
      result: finished ? FINISHED : VETOED,
      finished,
      writersAfter: writers.flatMap(({ after }) => (after ? [after] : [])),
      flushed: finished,
      scripts: runsAfter(scripts, finished),
    };
  },
};

const listed = ({ id, name, state, required: verified }: WriterStatus): ListedWriter => ({ id, name, state, verified });

/** Of a guest that made one shadow copy for each of these disks, as another process than VSS sees writers. */
export const shadowEvidence = {
  prepared(writers: readonly WriterHistory[], disks: readonly string[]): PreparedGuest {
    return {
      strategy: 'vss-diskshadow',
      helper: 'simulated diskshadow',
      volumes: disks.map((disk) => ({ name: disk, diskUuids: [disk] })),
      leaseMs: 0,
      writersBefore: writers.map(({ before }) => listed(before)),
    };
  },

  copies: (setId: string, disks: readonly string[]): readonly ShadowCopy[] =>
    disks.map((disk) => ({ id: `${setId}-${disk}`, setId, createdAt: '2026-01-01T00:00:00.000Z', volume: disk })),

  frozen(
    writers: readonly WriterHistory[],
    disks: readonly string[],
    seen: { readonly madeMs: number; readonly lookedAgainMs: number; readonly isGone: boolean },
    setId = 'set',
  ): FreezeEvidence {
    const shadowCopies = shadowEvidence.copies(setId, disks);
    return {
      strategy: 'vss-diskshadow',
      verdict: { kind: 'not-held', heldMs: 0 },
      result: 'created',
      finished: true,
      flushed: true,
      shadowCopies,
      madeMs: seen.madeMs,
      lookedAgainMs: seen.lookedAgainMs,
      lost: seen.isGone ? shadowCopies.map(({ id }) => id) : [],
      writersAfter: writers.flatMap(({ after }) => (after ? [listed(after)] : [])),
    };
  },
};

/** And of a Linux guest. */
export const linuxEvidence = {
  prepared(guest: {
    readonly fileSystems: readonly SimFileSystem[];
    readonly notFreezable: readonly SimFileSystem[];
    readonly swapDisks: readonly string[];
    readonly scripts: readonly ScriptHistory[];
    readonly required: readonly string[];
    readonly leaseMs: number;
  }): PreparedGuest {
    return {
      strategy: 'linux-fsfreeze',
      helper: 'simulated 1.0',
      volumes: guest.fileSystems.map(({ mountPoint: name, diskUuids }) => ({ name, diskUuids })),
      leaseMs: guest.leaseMs,
      swapDisks: guest.swapDisks,
      notFreezable: guest.notFreezable.map(({ mountPoint }) => `${mountPoint} (vfat)`),
      applications: applicationsOf(guest.scripts, guest.required),
      scripts: freezeRuns(guest.scripts),
    };
  },

  frozen(
    scripts: readonly ScriptHistory[],
    fileSystems: readonly FrozenFileSystem[],
    verdict: ThawVerdict,
    reason: string,
  ): FreezeEvidence {
    const finished = reason === 'released';
    return {
      strategy: 'linux-fsfreeze',
      verdict,
      result: reason,
      finished,
      flushed: finished && fileSystems.every(({ frozen }) => frozen),
      fileSystems,
      scripts: runsAfter(scripts, finished),
    };
  },
};
