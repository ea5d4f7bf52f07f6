import { createHash } from 'node:crypto';

const MARK_LENGTH = 6;
/** 36^6: what six characters of [0-9a-z] can tell apart. */
const MARKS = 36n ** BigInt(MARK_LENGTH);

/**
 * The mark of an installation for one run on one array: SHA-256 over all three, cut to six characters of [0-9a-z]. It shows whose
 * a name is and is no secret: who knows the configuration can make it too.
 */
export function installationMark(installation: string, runId: string, arrayId: string): string {
  const text = ['snaphook installation mark', installation, runId, arrayId].join('\n');
  const digest = createHash('sha256').update(text).digest();
  return (digest.readBigUInt64BE() % MARKS).toString(36).padStart(MARK_LENGTH, '0');
}
