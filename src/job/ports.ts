import type { Bands } from '../ports/bands.ts';
import type { Clock } from '../ports/clock.ts';
import type { EstablishTimes } from '../ports/establish-times.ts';
import type { Exposures } from '../ports/exposures.ts';
import type { FileSystems } from '../ports/file-systems.ts';
import type { FileTrees } from '../ports/file-trees.ts';
import type { Guests } from '../ports/guest.ts';
import type { GuestFactsStore } from '../ports/guest-facts.ts';
import type { HostStorage } from '../ports/host-storage.ts';
import type { Hypervisor } from '../ports/hypervisor.ts';
import type { ImageSource } from '../ports/image-source.ts';
import type { Images } from '../ports/images.ts';
import type { JournalStore, Locks } from '../ports/journal.ts';
import type { BackupProxy } from '../ports/proxy.ts';
import type { Reporter } from '../ports/reporter.ts';
import type { StorageArray } from '../ports/storage-array.ts';
import type { VmImport } from '../ports/vm-import.ts';
import type { VmSnapshots } from '../ports/vm-snapshots.ts';
import type { VvolAnswers } from '../ports/vvol-answers.ts';
import type { Installation } from './installation.ts';

/** Everything the core needs from the outside, chosen by the entry point that calls it. */
export interface JobPorts {
  readonly hypervisor: Hypervisor;
  readonly arrays: readonly StorageArray[];
  readonly guests: Guests;
  /** Undefined: the configuration does not name the VM this machine runs in, so that nothing can be added to it. */
  readonly vmSnapshots: VmSnapshots | undefined;
  readonly hostStorage: HostStorage;
  readonly vmImport: VmImport;
  readonly vvolAnswers: VvolAnswers;
  readonly establishTimes: EstablishTimes;
  readonly guestFacts: GuestFactsStore;
  readonly proxy: BackupProxy;
  readonly images: Images;
  readonly fileSystems: FileSystems;
  readonly exposures: Exposures;
  readonly fileTrees: FileTrees;
  readonly bands: Bands;
  readonly imageSource: ImageSource;
  readonly journals: JournalStore;
  readonly locks: Locks;
  readonly clock: Clock;
  readonly reporter: Reporter;
  /** Six characters of [0-9a-z], unpredictable. */
  readonly randomText: () => string;
  /** Clears away the garbage of this process now: done in the middle of a freeze window it would keep guests standing. Never throws. */
  readonly tidyMemory: () => void;
  /** Such as `snaphook 0.1.0`, for manifests. */
  readonly toolVersion: string;
  /** The signature of a text in base64. Errors: `E_SECRET`. Undefined: manifests are not signed. */
  readonly signText?: ((text: string) => Promise<string>) | undefined;
  readonly installation: Installation;
}
