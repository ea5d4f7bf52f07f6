/**
 * The language of diskshadow.exe, after Microsoft's "diskshadow" (Windows commands): a file with one command a line, of which the first
 * that fails ends the program with an exit code that is not zero. Volumes, writers and folders are named in plain ASCII only, so that it is
 * the same text in every code page.
 */

/** Microsoft Software Shadow Copy provider 1.0: the copies it makes lie inside the volumes, and so in every copy of their disks. */
const SYSTEM_PROVIDER = '{b5946137-7b9f-4925-af80-51abd60b20d5}';

export interface CreateRequest {
  /** As in `\\?\Volume{guid}\`. */
  readonly volumes: readonly string[];
  /** Class ids of writers without which there shall be no copies. */
  readonly verifiedWriters: readonly string[];
  /** Class ids of writers that are left out. */
  readonly excludedWriters: readonly string[];
  /** Where the documents of the set go, in a folder without blanks. */
  readonly metadataFile: string;
}

/**
 * One set of persistent shadow copies, with writers. Without `begin backup` it is a copy backup: no log is truncated, no chain of backups
 * starts anew. Writers recover what is theirs inside the copies (`rollbackrecover`), and so does NTFS (`txfrecover`).
 */
export function createScript({ volumes, verifiedWriters, excludedWriters, metadataFile }: CreateRequest): Buffer {
  const lines = [
    '# snaphook shadow copies 1',
    'set verbose on',
    'set context persistent',
    'set option rollbackrecover txfrecover',
    `set metadata ${metadataFile}`,
    ...excludedWriters.map((id) => `writer exclude {${id}}`),
    ...verifiedWriters.map((id) => `writer verify {${id}}`),
    ...volumes.map((volume, index) => `add volume ${volume} alias SNAPHOOK_${index + 1} provider ${SYSTEM_PROVIDER}`),
    'create',
    'exit',
  ];
  const odd = lines.find((line) => !/^[ -~]*$/.test(line));
  if (odd !== undefined) throw new RangeError(`"${odd}" is no line of a script of diskshadow`);
  return Buffer.from(`${lines.join('\r\n')}\r\n`, 'latin1');
}

const GUID = /\{[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\}/i;

/** The word stands before its number in every language, with more words between. */
const HRESULT = /\bHRESULT\b.*?\b(?:0x)?([0-9a-f]{8})\b/i;

export interface CreateOutput {
  /** With braces, in upper case; undefined: it tells of none. */
  readonly setId: string | undefined;
  /** Of the command that failed, as `0x80042306`. */
  readonly hresult: string | undefined;
  /** The name that diskshadow gives it, as `VSS_E_PROVIDER_VETO`. */
  readonly errorName: string | undefined;
}

/**
 * What diskshadow said, or its log. Its words are of the language of Windows, and its letters of one code page or another: only the names of
 * variables, ids and the numbers of errors are the same everywhere.
 */
export function readOutput(output: Buffer): CreateOutput {
  // A log may be in UTF-16: then every other byte of what counts is zero.
  const lines = output.toString('latin1').replaceAll('\0', '').split(/\r?\n/);
  const setLine = lines.find((line) => line.includes('VSS_SHADOW_SET') && GUID.test(line));
  const failed = lines.findIndex((line) => HRESULT.test(line));
  const hresult = HRESULT.exec(lines[failed] ?? '')?.[1];
  const afterFailure = failed === -1 ? [] : lines.slice(failed, failed + 3);
  return {
    setId: setLine === undefined ? undefined : GUID.exec(setLine)?.[0].toUpperCase(),
    hresult: hresult === undefined ? undefined : `0x${hresult.toUpperCase()}`,
    errorName: /\b(?:VSS_)?E_[A-Z_]+\b/.exec(afterFailure.join('\n'))?.[0],
  };
}
