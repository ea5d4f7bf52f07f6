import { SnaphookError } from '../../../src/ports/errors.ts';
import type { FreezeEvidence, PreparedGuest, ThawVerdict } from '../../../src/ports/guest.ts';
import { linuxEvidence } from './guest-evidence.ts';
import type { LinuxMachine, LinuxSession } from './linux-machine.ts';
import { type QuietRequest, type ReleaseAnswer, SimulatedGuest } from './simulated-guest.ts';

/** Releases on the open channel before the other way is taken as well. */
const RELEASES_BEFORE_RECORD = 3;

/** The channel to a Linux guest may break; a session is then released by its record over another connection. */
export class LinuxGuest extends SimulatedGuest<LinuxSession, LinuxMachine> {
  protected readonly patience = { unbegun: 0, freezing: 0 };
  #byRecord = false;

  protected resumeOf({ id }: LinuxSession) {
    return { bootId: 'boot', token: id };
  }

  protected prepareSession(session: LinuxSession, diskUuids: readonly string[]): void {
    const { machine } = this.parts;
    const { fileSystems, swapDisks } = machine.options;
    const shown = new Set([...fileSystems.flatMap((one) => one.diskUuids), ...swapDisks]);
    const missing = diskUuids.find((disk) => !shown.has(disk));
    if (missing !== undefined) throw new SnaphookError('E_GUEST', `guest "${this.name}" shows no disk "${missing}"`);
    const isPartly = ({ isFreezable, diskUuids: disks }: LinuxSession['fileSystems'][number]) =>
      isFreezable && disks.some((disk) => diskUuids.includes(disk)) && !disks.every((disk) => diskUuids.includes(disk));
    const partly = fileSystems.find(isPartly);
    if (partly) throw new SnaphookError('E_GUEST', `"${partly.mountPoint}" also lies on a disk that is not captured`);
    machine.inspect(session, diskUuids);
    if (session.fileSystems.length === 0) throw new SnaphookError('E_GUEST', 'there is no file system to freeze');
  }

  override async quiet({ freezeWithinMs }: QuietRequest, signal: AbortSignal): Promise<PreparedGuest> {
    const session = this.known();
    await this.call('quiet', signal, 20_000, () => {
      if (!this.parts.machine.quiet(session, freezeWithinMs))
        throw new SnaphookError('E_GUEST', 'a script of the guest failed');
    });
    return this.preparedOf(session);
  }

  /** One message that nobody answers. */
  protected override endQuiet(): void {
    if (this.session?.isConnected) this.parts.machine.abort(this.session);
  }

  protected preparedOf({ fileSystems, scripts, diskUuids }: LinuxSession): PreparedGuest {
    const { options } = this.parts.machine;
    const isOnCaptured = ({ diskUuids: disks }: { readonly diskUuids: readonly string[] }) =>
      disks.some((disk) => diskUuids.includes(disk));
    return linuxEvidence.prepared({
      fileSystems,
      notFreezable: options.fileSystems.filter((one) => !one.isFreezable && isOnCaptured(one)),
      swapDisks: options.swapDisks.filter((disk) => diskUuids.includes(disk)),
      scripts,
      required: options.required,
      leaseMs: options.leaseMs,
    });
  }

  protected evidenceOf(session: LinuxSession, verdict: ThawVerdict): FreezeEvidence {
    if (this.#byRecord || !session.isConnected)
      throw new SnaphookError('E_GUEST_HELPER', 'the helper did not tell how the freeze ended');
    const { hold, scripts } = session;
    const reason = hold?.endedBy === 'ours' ? 'released' : hold?.endedBy === 'lease' ? 'lease' : 'foreign';
    return linuxEvidence.frozen(scripts, this.parts.machine.fileSystemsAfter(session), verdict, reason);
  }

  protected override onLost(): void {
    if (this.session) this.session.isConnected = false;
  }

  protected override requireHelper({ id, isUnguarded }: LinuxSession): void {
    if (isUnguarded && this.parts.machine.sessions.has(id))
      throw new SnaphookError('E_GUEST_HELPER', 'the helper is dead', { effect: 'unknown' });
  }

  /** Whoever is released by the record is known to write again, and not since when. */
  protected override async thawOtherwise(attempt: number, signal: AbortSignal): Promise<ReleaseAnswer | undefined> {
    const session = this.known();
    if (session.isConnected && attempt <= RELEASES_BEFORE_RECORD) return undefined;
    await this.call('release', signal, 3000, () => this.parts.machine.endSession(session.id));
    this.#byRecord = true;
    return { wasHeld: false, phase: 'over', endedBy: undefined };
  }
}
