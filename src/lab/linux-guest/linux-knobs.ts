import type { LabScript } from '../guest/lab-script.ts';

/**
 * One application plug-in of `/etc/snaphook/plug-ins.d`: what it answers when it is asked to quiesce (`freeze`) or to let its
 * application go. `exitCode`: 0 as asked, 1 something else, 99 not implemented, -1 no answer.
 */
export interface LabPlugIn extends LabScript {
  /** The end of its input, which whoever did not make its application quiet meets at once: it lets everything go on, and ends. */
  end?(): Promise<void>;
}

/** What a test may turn to make a Linux guest slow or fail. Times are simulated milliseconds. */
export class LinuxKnobs {
  /** How long FIFREEZE takes on each file system. */
  freezeMs = 5;
  /** Whether the helper's program is there at all. */
  helperInstalled = true;
  /** Mount point and errno: FIFREEZE of that file system fails. */
  failingFreeze: { readonly mountPoint: string; readonly errno: number } | undefined;
  /** The helper that serves neither hears nor says anything, as one that was stopped; its watchdog works. */
  silent = false;
  /** `release` finds a session of which nobody lives, and cannot reach a file system of it. */
  failingRelease: { readonly mountPoint: string } | undefined;
  /** How long VMware Tools takes for each guest operation. */
  toolsMs = 5;
  /** VMware Tools writes a log below /var/log with each operation: while that stands still, so does it. */
  toolsWriteLogs = false;
  /** In the order in which they are told to freeze. */
  scripts: readonly LabScript[] = [];
  /** In the order in which they are asked to quiesce. */
  plugIns: readonly LabPlugIn[] = [];
}
