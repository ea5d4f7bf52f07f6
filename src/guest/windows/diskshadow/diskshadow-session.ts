import type { Clock } from '../../../ports/clock.ts';
import { SnaphookError } from '../../../ports/errors.ts';
import type {
  FreezeEvidence,
  Guest,
  ListedWriter,
  PreparedGuest,
  ShadowCopy,
  ThawVerdict,
} from '../../../ports/guest.ts';
import { withDeadline } from '../../deadline.ts';
import type { GuestContext } from '../guest-context.ts';
import { guestError } from '../guest-errors.ts';
import type { WindowsCommands } from '../windows-commands.ts';
import { copiedVolumes, requireDiskshadow, requireStorageInside } from './copied-volumes.ts';
import { createFailed, createLate, noSet, wrongSet } from './create-errors.ts';
import { copiesOf, storageOf, systemOf, type VolumeFacts, volumesOf } from './facts.ts';
import { PIPELINES, query } from './query.ts';
import { logFileIn, removeShadowCopies, type ShadowRecord, scriptFileIn } from './remove.ts';
import { createScript, readOutput } from './script.ts';
import { listWriters, requireWriters } from './verified-writers.ts';

type Request = Parameters<Guest['prepare']>[0];
type Prepared = Extract<PreparedGuest, { strategy: 'vss-diskshadow' }>;

/** VSS may wait for its writers for minutes before it freezes them. */
const CREATE_LIMIT_MS = 180_000;
/** Windows takes seconds to remove a copy. */
const REMOVE_LIMIT_MS = 60_000;

const NOT_HELD: ThawVerdict = { kind: 'not-held', heldMs: 0 };

interface Ready {
  readonly commands: WindowsCommands;
  readonly request: Request;
  /** Of the run, in the guest; it is made with the script in it. */
  readonly folder: string;
  readonly volumes: readonly VolumeFacts[];
  readonly programs: { readonly diskshadow: string; readonly vssadmin: string };
  readonly prepared: Prepared;
}

interface Made {
  readonly copies: readonly ShadowCopy[];
  readonly madeMs: number;
}

/**
 * One Windows Server during one run: diskshadow.exe makes a set of shadow copies, which VSS ends by itself before anything is asked of the
 * array. Nothing of ours is installed; a script and its log are in a folder of the run meanwhile.
 */
export class DiskshadowSession implements Guest {
  readonly name: string;
  /** VSS tells the writers itself. */
  readonly scriptLimitMs = 0;
  readonly #context: GuestContext;
  readonly #clock: Clock;
  #commands: WindowsCommands | undefined;
  #ready: Ready | undefined;
  /** Set as soon as something of ours may be in the guest. */
  #left: ShadowRecord | undefined;
  #made: Made | undefined;
  #closing: Promise<'closed' | 'unknown'> | undefined;

  constructor(context: GuestContext, clock: Clock) {
    this.name = context.name;
    this.#context = context;
    this.#clock = clock;
  }

  prepare(request: Request, signal: AbortSignal): Promise<PreparedGuest> {
    return this.#told(async () => {
      const { name: guest } = this;
      const commands = await this.#context.settings.access.openCommands(signal);
      this.#commands = commands;
      const first = await query(commands, guest, { system: PIPELINES.system(), is64Bit: PIPELINES.is64Bit() }, signal);
      const system = systemOf(guest, first.system);
      const bin = `${system.folder}\\${first.is64Bit[0] === true ? 'System32' : 'Sysnative'}`;
      const programs = { diskshadow: `${bin}\\diskshadow.exe`, vssadmin: `${bin}\\vssadmin.exe` };
      const rows = await query(
        commands,
        guest,
        {
          isThere: PIPELINES.isThere(programs.diskshadow),
          disks: PIPELINES.disks(),
          partitions: PIPELINES.partitions(),
          volumes: PIPELINES.volumes(),
          storage: PIPELINES.storage(),
        },
        signal,
      );
      requireDiskshadow(guest, system, rows.isThere[0] === true);
      // Below the folder of Windows only administrators can put something in its place.
      const folder = `${system.folder}\\snaphook-${request.runId}`;
      await request.onSession({ ...commands.resume, shadowFolder: folder });
      const facts = { guest, volumes: volumesOf(guest, rows), storage: storageOf(guest, rows.storage) };
      const volumes = copiedVolumes(facts, request.diskUuids);
      const writersBefore = await this.#writers(commands, programs.vssadmin, signal);
      requireWriters(guest, writersBefore, this.#context.settings.requiredWriters);
      const prepared: Prepared = {
        strategy: 'vss-diskshadow',
        helper: `diskshadow of ${system.name}`,
        volumes: volumes.map(({ name, diskUuids }) => ({ name, diskUuids })),
        leaseMs: 0,
        writersBefore,
        applications: this.#context.settings.applications.map((application) => ({
          name: application,
          required: true,
          quiet: false,
          problem: 'no script and no plug-in is run for shadow copies',
        })),
      };
      this.#ready = { commands, request, folder, volumes, programs, prepared };
      return prepared;
    });
  }

  quiet(_: Parameters<Guest['quiet']>[0], signal: AbortSignal): Promise<PreparedGuest> {
    return this.#told(async () => {
      const ready = this.#requireReady();
      if (this.#left) throw new Error(`guest "${this.name}" was asked for shadow copies before`);
      await this.#make(ready, signal);
      return ready.prepared;
    });
  }

  /** Nothing is held: the copies are there already. */
  async freeze(): Promise<void> {
    if (!this.#made) throw new SnaphookError('E_FREEZE_FAILED', `guest "${this.name}" has made no shadow copies`);
  }

  async thaw(): Promise<ThawVerdict> {
    return NOT_HELD;
  }

  finish(signal: AbortSignal): Promise<FreezeEvidence> {
    return this.#told(async () => {
      const { commands, programs } = this.#requireReady();
      if (!this.#made) throw new Error(`guest "${this.name}" cannot finish before its shadow copies were made`);
      const { copies, madeMs } = this.#made;
      const lookedAgainMs = this.#clock.monotonicMs();
      const rows = await query(commands, this.name, { copies: PIPELINES.copies() }, signal);
      const there = new Set(copiesOf(this.name, rows.copies).map(({ id }) => id));
      return {
        strategy: 'vss-diskshadow',
        verdict: NOT_HELD,
        result: 'created',
        finished: true,
        // VSS flushes every volume of a set before it holds writes, and makes no copy without.
        flushed: true,
        shadowCopies: copies,
        madeMs,
        lookedAgainMs,
        lost: copies.flatMap(({ id }) => (there.has(id) ? [] : [id])),
        writersAfter: await this.#writers(commands, programs.vssadmin, signal),
      };
    });
  }

  close(): Promise<'closed' | 'unknown'> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #make({ commands, request, folder, volumes, programs, prepared }: Ready, signal: AbortSignal): Promise<void> {
    const { name: guest } = this;
    this.#left = { folder, setId: undefined };
    const ids = prepared.writersBefore.flatMap(({ id, verified }) => (verified ? [id] : []));
    const script = createScript({
      volumes: volumes.map(({ path }) => path),
      verifiedWriters: [...new Set(ids)],
      excludedWriters: this.#context.settings.excludedWriters,
      metadataFile: `${folder}\\set.cab`,
    });
    await commands.upload({ path: scriptFileIn(folder), content: script }, signal);
    const args = ['/s', scriptFileIn(folder), '/l', logFileIn(folder)];
    const late = () => createLate(guest, CREATE_LIMIT_MS);
    const { exitCode, stdout } = await withDeadline(this.#clock, CREATE_LIMIT_MS, signal, late, (limited) =>
      commands.run({ path: programs.diskshadow, arguments: args }, limited),
    );
    const output = readOutput(stdout);
    const { setId } = output;
    if (setId !== undefined) {
      this.#left = { folder, setId };
      // Known to the journal before the array is asked for anything.
      await request.onSession({ ...commands.resume, shadowFolder: folder, shadowSet: setId });
    }
    if (exitCode !== 0) throw createFailed(guest, output, stdout, exitCode);
    if (setId === undefined) throw noSet(guest, stdout);
    this.#made = {
      copies: await this.#copiesOf(commands, setId, { volumes, request }, signal),
      madeMs: this.#clock.monotonicMs(),
    };
  }

  async #copiesOf(
    commands: WindowsCommands,
    setId: string,
    { volumes, request }: Pick<Ready, 'volumes' | 'request'>,
    signal: AbortSignal,
  ): Promise<readonly ShadowCopy[]> {
    const { name: guest } = this;
    const pipelines = { copies: PIPELINES.copies(), storage: PIPELINES.storage(), volumes: PIPELINES.volumes() };
    const places = { disks: PIPELINES.disks(), partitions: PIPELINES.partitions() };
    const rows = await query(commands, guest, { ...pipelines, ...places }, signal);
    const ofSet = copiesOf(guest, rows.copies).filter((copy) => copy.setId === setId);
    const copies = volumes.flatMap(({ id, name }) =>
      ofSet.filter(({ volume }) => volume === id).map((copy) => ({ ...copy, volume: name })),
    );
    if (copies.length !== volumes.length || ofSet.length !== volumes.length)
      throw wrongSet(guest, setId, ofSet.length, volumes.length);
    const facts = { guest, volumes: volumesOf(guest, rows), storage: storageOf(guest, rows.storage) };
    requireStorageInside(facts, volumes, request.diskUuids);
    return copies;
  }

  #writers(commands: WindowsCommands, vssadmin: string, signal: AbortSignal): Promise<readonly ListedWriter[]> {
    return listWriters({ guest: this.name, commands, vssadmin, settings: this.#context.settings }, signal);
  }

  async #close(): Promise<'closed' | 'unknown'> {
    const commands = this.#commands;
    try {
      const left = this.#left;
      const late = () => new Error('the shadow copies were not removed in time');
      if (left && commands) {
        await withDeadline(this.#clock, REMOVE_LIMIT_MS, undefined, late, (signal) =>
          removeShadowCopies(this.name, commands, left, signal),
        );
      }
      return 'closed';
    } catch {
      // The run has it in its journal, and comes again.
      return 'unknown';
    } finally {
      await commands?.close();
    }
  }

  #requireReady(): Ready {
    if (!this.#ready) throw new Error(`guest "${this.name}" was not prepared`);
    return this.#ready;
  }

  async #told<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (thrown) {
      throw guestError(this.#context, thrown);
    }
  }
}
