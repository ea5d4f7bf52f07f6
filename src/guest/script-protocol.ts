/** One script or plug-in of a guest, as the helper in it tells. */
export interface HelperScript {
  /** A plug-in is asked to quiesce in the phase `freeze`, and to let its application go in the others. */
  readonly kind: 'script' | 'plug-in';
  /** Of its file; a plug-in of Windows without the ending. */
  readonly name: string;
  readonly phase: 'freeze' | 'thaw' | 'freezeFail';
  /**
   * -1: it did not end in time, or a signal ended it. Of a plug-in: 0 it did as it was asked, 1 it answered something else, 99 it
   * does not implement this, -1 it did not answer.
   */
  readonly exitCode: number;
  /**
   * The last 2000 bytes of what it said on both outputs; other than printable ASCII as `?`, line ends kept (of Windows: as LF alone). A
   * plug-in's answers.
   */
  readonly output: string;
}
