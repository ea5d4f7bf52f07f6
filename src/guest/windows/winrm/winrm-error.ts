import type { WsmanFault } from './faults.ts';

/** Why a call to WinRM did not give an answer. */
export type WinRmProblem =
  /** No connection could be made. */
  | { readonly kind: 'unreachable'; readonly reason: string }
  /** The server's certificate is not the one to trust; `fingerprint256` is what it showed. */
  | { readonly kind: 'untrusted'; readonly reason: string; readonly fingerprint256: string }
  /** Account, ticket or certificate refused or unusable, or no common method: trying again could lock the account. */
  | { readonly kind: 'login'; readonly reason: string; readonly advice?: string }
  /** No domain controller gave an answer to a question for a ticket: nobody has refused anything, and later one may. */
  | { readonly kind: 'no-domain-controller'; readonly reason: string; readonly advice: string }
  /** The connection broke while a request was under way: its effect is unknown. */
  | { readonly kind: 'disconnected'; readonly reason: string }
  /** No answer in time: the effect is unknown. The connection is gone. */
  | { readonly kind: 'timeout'; readonly timeoutMs: number }
  | { readonly kind: 'fault'; readonly fault: WsmanFault }
  /** An HTTP status without a SOAP fault. */
  | { readonly kind: 'http'; readonly status: number }
  /** An answer that is not WS-Management, or that fails the integrity check. */
  | { readonly kind: 'malformed'; readonly reason: string };

const describe = (problem: WinRmProblem): string => {
  switch (problem.kind) {
    case 'timeout':
      return `no answer in ${problem.timeoutMs} ms`;
    case 'fault':
      return `fault ${problem.fault.code ?? 'without code'}: ${problem.fault.message}`;
    case 'http':
      return `HTTP status ${problem.status}`;
    default:
      return problem.reason;
  }
};

/** The only error of the WinRM client besides an aborted signal's reason. Carries no header and no credential. */
export class WinRmError extends Error {
  override readonly name = 'WinRmError';
  readonly problem: WinRmProblem;

  constructor(problem: WinRmProblem) {
    super(`WinRM ${problem.kind}: ${describe(problem)}`);
    this.problem = problem;
  }
}

/** The kind of fault an error stands for, if it is a fault. */
export const faultKindOf = (thrown: unknown): WsmanFault['kind'] | undefined =>
  thrown instanceof WinRmError && thrown.problem.kind === 'fault' ? thrown.problem.fault.kind : undefined;
