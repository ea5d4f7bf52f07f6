/** Why SSH did not do what was asked. */
export type SshProblem =
  /** No connection could be made, or none that both sides speak. */
  | { readonly kind: 'unreachable'; readonly reason: string }
  /** The host's key is not a known one. */
  | { readonly kind: 'untrusted'; readonly reason: string; readonly fingerprint256: string }
  /** Account, key or password refused: trying again could lock the account. */
  | { readonly kind: 'login'; readonly reason: string }
  /** The private key cannot be used: no key, or a wrong passphrase. */
  | { readonly kind: 'key'; readonly reason: string }
  /** The connection broke: what was under way has an unknown effect. */
  | { readonly kind: 'disconnected'; readonly reason: string }
  /** The server runs no command for this account. */
  | { readonly kind: 'refused'; readonly reason: string };

/** The only error of the SSH client besides an aborted signal's reason. Carries no credential. */
export class SshError extends Error {
  override readonly name = 'SshError';
  readonly problem: SshProblem;

  constructor(problem: SshProblem) {
    super(`SSH ${problem.kind}: ${problem.reason}`);
    this.problem = problem;
  }
}
