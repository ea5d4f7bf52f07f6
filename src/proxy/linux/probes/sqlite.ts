import path from 'node:path';
import type { ProbedApplication } from '../../../ports/file-systems.ts';
import { firstBytes, insideOfVolume } from './guest-path.ts';
import { notSound, type ProbeRequest } from './probe-request.ts';
import { inView, VIEW } from './view.ts';

/** The first bytes of every database, sqlite.org/fileformat. A file without them would be taken for an empty one. */
const MAGIC = 'SQLite format 3\0';

/**
 * Where the schema may call functions it is not trusted to; a journal or WAL beside the file is brought to its end, as the guest would.
 * The defects are told up to ten.
 */
const SCRIPT = `
for file in "${VIEW}/$3" "${VIEW}/$3-journal" "${VIEW}/$3-wal" "${VIEW}/$3-shm"; do
  [ ! -e "$file" ] || own "$file" || exit 97
done
chmod u+rw "${VIEW}/$3" || exit 97
as_probe sqlite3 -batch -bail "${VIEW}/$3" 'PRAGMA trusted_schema=OFF; PRAGMA integrity_check(10);'
`;

/** Errors: `E_VERIFY`. */
export async function probeSqlite(request: ProbeRequest, signal: AbortSignal): Promise<ProbedApplication> {
  const file = await insideOfVolume(request.mountPoint, request.path);
  if ((await firstBytes(file, MAGIC.length)) !== MAGIC) throw notSound(request, 'it is no database of SQLite');
  const view = { folder: path.dirname(file), scratch: request.scratch };
  const { exitCode, stdout, said } = await inView(view, { script: SCRIPT, args: [path.basename(file)] }, signal);
  if (exitCode !== 0 || stdout.trim() !== 'ok') throw notSound(request, said);
  return { checkedBy: 'sqlite3', found: 'integrity_check: ok' };
}
