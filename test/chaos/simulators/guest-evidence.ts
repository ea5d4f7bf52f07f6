import type { FreezeEvidence, FrozenFileSystem, PreparedGuest, ThawVerdict } from '../../../src/ports/guest.ts';
import { applicationsOf, freezeRuns, runsAfter, type ScriptHistory } from './guest-scripts.ts';
import type { SimFileSystem } from './linux-machine.ts';
import type { WriterHistory } from './windows-machine.ts';

const FINISHED = '0x0004230A';
const VETOED = '0x80042306';

/** Everything that is told to the product as evidence of a Windows guest is made here. */
export const windowsEvidence = {
  prepared(writers: readonly WriterHistory[], disks: readonly string[], leaseMs: number): PreparedGuest {
    return {
      strategy: 'vss-provider',
      helper: 'simulated 1.0',
      writersBefore: writers.map(({ before }) => before),
      volumes: disks.map((disk, index) => ({ name: `${String.fromCharCode(68 + index)}:\\`, diskUuids: [disk] })),
      leaseMs,
    };
  },

  frozen(writers: readonly WriterHistory[], verdict: ThawVerdict, finished: boolean): FreezeEvidence {
    return {
      strategy: 'vss-provider',
      verdict,
      result: finished ? FINISHED : VETOED,
      finished,
      writersAfter: writers.flatMap(({ after }) => (after ? [after] : [])),
      flushed: finished,
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
