import { SnaphookError } from '../../../src/ports/errors.ts';
import type { FreezeEvidence, PreparedGuest, ThawVerdict } from '../../../src/ports/guest.ts';
import { windowsEvidence } from './guest-evidence.ts';
import { SimulatedGuest } from './simulated-guest.ts';
import type { WindowsMachine, WindowsSession } from './windows-machine.ts';

export class WindowsGuest extends SimulatedGuest<WindowsSession, WindowsMachine> {
  protected readonly patience = { unbegun: 2, freezing: 6 };

  protected resumeOf({ id }: WindowsSession) {
    return { shellId: id };
  }

  protected prepareSession(session: WindowsSession, diskUuids: readonly string[]): void {
    const { machine } = this.parts;
    const homeless = diskUuids.find((disk) => !machine.options.volumeDisks.includes(disk));
    if (homeless !== undefined)
      throw new SnaphookError('E_GUEST', `disk "${homeless}" holds no volume in guest "${this.name}"`);
    machine.prepare(session, diskUuids);
  }

  protected preparedOf({ writers, diskUuids }: WindowsSession): PreparedGuest {
    const { volumeDisks, leaseMs } = this.parts.machine.options;
    const disks = volumeDisks.filter((disk) => diskUuids.includes(disk));
    return windowsEvidence.prepared(writers, disks, leaseMs);
  }

  protected evidenceOf({ writers, hold }: WindowsSession, verdict: ThawVerdict): FreezeEvidence {
    return windowsEvidence.frozen(writers, verdict, hold?.endedBy === 'ours' && hold.finishes);
  }
}
