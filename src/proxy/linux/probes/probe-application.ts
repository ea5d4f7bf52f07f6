import { SnaphookError } from '../../../ports/errors.ts';
import type { ApplicationKind, ProbedApplication } from '../../../ports/file-systems.ts';
import { hasProgram } from '../programs.ts';
import { isRoot } from '../user.ts';
import { hasPostgresql, probePostgresql } from './postgresql.ts';
import type { ProbeRequest } from './probe-request.ts';
import { probeSqlite } from './sqlite.ts';
import { VIEW_PROGRAMS } from './view.ts';

/** Errors: `E_PROXY` where what these probes need is not installed. */
export async function requireProbes(kinds: readonly ApplicationKind[]): Promise<void> {
  if (kinds.length === 0) return;
  if (!isRoot()) throw missing('the hook does not run as root, which views of databases need');
  for (const program of [...VIEW_PROGRAMS, ...(kinds.includes('sqlite') ? ['sqlite3'] : [])]) {
    if (!(await hasProgram(program))) throw missing(`program "${program}" is not in the PATH of the hook`);
  }
  if (kinds.includes('postgresql') && !(await hasPostgresql())) throw missing('no server of PostgreSQL is installed');
}

const missing = (what: string): SnaphookError =>
  new SnaphookError('E_PROXY', `${what}, and the job probes databases`, {
    hint: 'docs/verify.md has what the proxy needs. Install it, or take the entries out of `verify.applications`.',
  });

/** Errors: `E_VERIFY`, `E_PROXY`. */
export function probeApplication(request: ProbeRequest, signal: AbortSignal): Promise<ProbedApplication> {
  switch (request.kind) {
    case 'sqlite':
      return probeSqlite(request, signal);
    case 'postgresql':
      return probePostgresql(request, signal);
  }
}
