/** One script of `backupScripts.d` in the guest; resolves to its exit code. */
export interface ToolsScript {
  readonly name: string;
  run(phase: 'freeze' | 'freezeFail' | 'thaw'): Promise<number>;
}

/** What lets the guest go on; rejects with `QuiesceError` when it had not stood still to the end. */
export type Release = () => Promise<void>;

/** VSS, or the sync driver with the file systems of a Linux guest. Rejects with `QuiesceError`. */
export type StandStill = (backupType: 'copy' | 'full') => Promise<Release>;

/** VMware Tools could not quiesce: the host fails the snapshot with the fault of that kind. */
export class QuiesceError extends Error {
  readonly kind: 'application' | 'file-system';

  constructor(kind: 'application' | 'file-system', message: string) {
    super(message);
    this.kind = kind;
  }
}

/**
 * VMware Tools as the host asks them to quiesce the guest: scripts in the order of their names, then VSS or the sync driver, then
 * the host's snapshot, then all of it back in reverse (open-vm-tools, vmbackup plug-in). A script that fails ends the snapshot.
 */
export class VmwareTools {
  readonly #standStill: StandStill;
  scripts: readonly ToolsScript[] = [];

  constructor(standStill: StandStill) {
    this.#standStill = standStill;
  }

  async quiesce(backupType: 'copy' | 'full'): Promise<Release> {
    const told: ToolsScript[] = [];
    const tellAll = async (phase: 'freezeFail' | 'thaw') => {
      for (const script of told) await script.run(phase);
    };
    try {
      for (const script of [...this.scripts].sort((one, other) => (one.name < other.name ? -1 : 1))) {
        told.unshift(script);
        const exitCode = await script.run('freeze');
        if (exitCode !== 0) throw new QuiesceError('file-system', `script "${script.name}" ended with ${exitCode}`);
      }
      const release = await this.#standStill(backupType);
      return async () => {
        try {
          await release();
        } finally {
          await tellAll('thaw');
        }
      };
    } catch (error) {
      await tellAll('freezeFail');
      throw error;
    }
  }
}
