/** One script of a guest's administrator, as `scripts.d` would hold it. */
export interface LabScript {
  readonly name: string;
  /** What it prints and how it ends when told that phase; `exitCode` -1: it never ends by itself. */
  run(phase: 'freeze' | 'thaw' | 'freezeFail'): Promise<{ readonly exitCode: number; readonly output: string }>;
}
