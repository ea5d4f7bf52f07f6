import type { Installation } from '../../../../src/job/installation.ts';
import { DEFAULT_LIMITS } from '../../../../src/job/job-spec.ts';
import type { JobPorts } from '../../../../src/job/ports.ts';
import { SnaphookError } from '../../../../src/ports/errors.ts';
import type { Images, LeftAlone } from '../../../../src/ports/images.ts';
import type { JournalLine, JournalStore, Locks } from '../../../../src/ports/journal.ts';
import { noBands } from '../../../contract/no-bands.ts';
import { noExposures } from '../../../contract/no-exposures.ts';
import { noFileSystems } from '../../../contract/no-file-systems.ts';
import { noHostStorage } from '../../../contract/no-host-storage.ts';
import { noRestores } from '../../../contract/no-restores.ts';
import { type MemoryArray, unused } from './memory-array.ts';

export interface MemoryFile {
  readonly sizeBytes: number;
  readonly bornAtMs: number;
  readonly text?: string;
}

interface MemoryJournal {
  readonly job: string;
  readonly lines: JournalLine[];
  folder: 'open' | 'kept' | 'closed';
}

/** Everything a machine and its guests keep, in memory. */
export class MemorySite {
  readonly arrays: readonly MemoryArray[];
  readonly journals = new Map<string, MemoryJournal>();
  readonly unborn = new Set<string>();
  /** By name; true: its process died. */
  readonly locks = new Map<string, boolean>();
  /** By absolute path. */
  readonly files = new Map<string, MemoryFile>();
  /** Shells by the address of their guest. */
  readonly shells = new Map<string, Set<string>>();
  readonly contacted = new Set<string>();
  readonly warnings: string[] = [];
  readonly #installation: Installation;
  readonly #now: Date;

  constructor(arrays: readonly MemoryArray[], installation: Installation, now: Date) {
    this.arrays = arrays;
    this.#installation = installation;
    this.#now = now;
  }

  dump(): readonly string[] {
    return [
      ...this.arrays.flatMap((array) => array.dump().map((line) => `${array.id} ${line}`)),
      ...[...this.journals].map(([id, { lines, folder }]) => `journal ${id} ${folder} ${lines.length}`),
      ...[...this.unborn].map((name) => `unborn ${name}`),
      ...[...this.locks].map(([name, abandoned]) => `lock ${name} ${abandoned}`),
      ...[...this.files].map(([path, { sizeBytes }]) => `file ${path} ${sizeBytes}`),
      ...[...this.shells].map(([address, shells]) => `shells ${address} ${[...shells].join(' ')}`),
    ].sort();
  }

  get ports(): JobPorts {
    return {
      vmSnapshots: undefined,
      hostStorage: noHostStorage,
      ...noRestores,
      vvolAnswers: { recall: async () => undefined, remember: async () => undefined },
      guestFacts: { recall: async () => new Map(), remember: async () => undefined },
      establishTimes: { recall: async () => [], remember: async () => undefined },
      hypervisor: {
        facts: unusedCall,
        findVms: unusedCall,
        vmsOnDatastores: unusedCall,
        readConfigurations: unusedCall,
        sessionKey: unusedCall,
        endSession: unusedCall,
        close: async () => {},
      },
      arrays: this.arrays,
      guests: {
        waysFor: unusedCall,
        open: unusedCall,
        closeLeftover: async ({ address = '' }, { resume: { shellId = '' } }) => {
          this.contacted.add(address);
          this.shells.get(address)?.delete(shellId);
        },
      },
      proxy: {
        waitForDevices: unusedCall,
        signature: unusedCall,
        paths: unusedCall,
        releaseDevices: async () => {},
        visible: unusedCall,
      },
      images: this.#images(),
      bands: noBands,
      fileSystems: noFileSystems,
      exposures: noExposures,
      journals: this.#journalStore(),
      locks: this.#lockStore(),
      clock: {
        now: () => this.#now,
        monotonicMs: () => 0,
        // Time stands still: late effects have settled, and no limit is reached.
        sleep: (durationMs, signal) =>
          new Promise((resolve, reject) => {
            if (durationMs <= DEFAULT_LIMITS.settleMs) resolve();
            else signal?.addEventListener('abort', () => reject(signal.reason));
          }),
      },
      reporter: { info: () => {}, warn: (message) => void this.warnings.push(message), progress: () => {} },
      randomText: unusedCall,
      tidyMemory: () => undefined,
      toolVersion: 'snaphook test',
      installation: this.#installation,
    };
  }

  #images(): Images {
    return {
      preflight: unusedCall,
      write: unusedCall,
      writeBeside: unusedCall,
      writeRecord: unusedCall,
      records: async (directory, prefix) =>
        [...this.files]
          .filter(
            ([path]) => path.startsWith(`${directory}/${prefix}`) && !path.slice(directory.length + 1).includes('/'),
          )
          .map(([path, { text, bornAtMs }]) => ({ name: path.slice(directory.length + 1), text, bornAtMs })),
      existing: async (directory, paths) =>
        paths.flatMap((path) => [path, `${path}.partial`]).filter((path) => this.files.has(`${directory}/${path}`)),
      remove: async (directory, wanted) => {
        const left: LeftAlone[] = [];
        for (const { path, sizeBytes } of wanted) {
          for (const form of [path, `${path}.partial`]) {
            const file = this.files.get(`${directory}/${form}`);
            if (!file) continue;
            const fits = form === path ? file.sizeBytes === sizeBytes : file.sizeBytes <= (sizeBytes ?? 0);
            if (sizeBytes === undefined || fits) this.files.delete(`${directory}/${form}`);
            else left.push({ path: form, why: 'size' });
          }
        }
        return left;
      },
    };
  }

  #journalStore(): JournalStore {
    const journalOf = (runId: string) => {
      const journal = this.journals.get(runId);
      if (!journal) throw new SnaphookError('E_JOURNAL', `no journal of run "${runId}"`);
      return journal;
    };
    const listed = (folder: MemoryJournal['folder']) =>
      [...this.journals]
        .filter(([, journal]) => journal.folder === folder)
        .map(([runId, { job }]) => ({ runId, job }))
        .sort((a, b) => a.runId.localeCompare(b.runId));
    return {
      create: unusedCall,
      open: async (runId) => {
        const { lines } = journalOf(runId);
        return { runId, append: async (line) => void lines.push(line), read: async () => [...lines] };
      },
      openRuns: async (job) => listed('open').filter((run) => job === undefined || run.job === job),
      close: async (runId) => {
        journalOf(runId).folder = 'closed';
      },
      keep: async (runId) => {
        journalOf(runId).folder = 'kept';
      },
      keptRuns: async () => listed('kept'),
      closedRuns: async () => listed('closed'),
      unborn: async () => [...this.unborn],
      sweep: async () => this.unborn.clear(),
    };
  }

  #lockStore(): Locks {
    return {
      acquire: async (name) => {
        if (this.locks.get(name) === false) throw new SnaphookError('E_LOCKED', `"${name}" is in use`);
        this.locks.set(name, false);
        const never = new AbortController().signal;
        return {
          lost: never,
          stoppedHolder: false,
          listenForStop: () => never,
          release: async () => void this.locks.delete(name),
        };
      },
      list: async () => [...this.locks].map(([name, abandoned]) => ({ name, abandoned })),
      sweep: async () => {
        for (const [name, abandoned] of this.locks) if (abandoned) this.locks.delete(name);
      },
    };
  }
}

const unusedCall = (): never => unused('a port that makes things');
