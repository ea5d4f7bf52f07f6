import type { EventLog } from '../world/events.ts';
import type { GuestFiles } from './guest-files.ts';
import type { ShadowCopies, ShadowKnobs } from './shadow-copies.ts';
import type { VssCoordinator } from './vss-coordinator.ts';

/** A diskshadow that runs, as `Win32_Process` shows it. */
export interface RunningDiskshadow {
  readonly commandLine: string;
  kill(): void;
}

/** What the programs for shadow copies work with. */
export interface ShadowMachine {
  readonly guestName: string;
  readonly hostName: string;
  readonly events: EventLog;
  readonly files: GuestFiles;
  readonly copies: ShadowCopies;
  readonly coordinator: VssCoordinator;
  readonly knobs: ShadowKnobs;
  readonly running: Set<RunningDiskshadow>;
}
