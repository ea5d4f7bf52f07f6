import type { WriterStatus } from '../../ports/guest.ts';
import type { HelperWriter } from './vss-helper-protocol.ts';

/** Does the name fit one of the names of the settings? Case does not count; a trailing `*` matches any ending. */
const matches = (name: string, wanted: string): boolean => {
  const [have, want] = [name.toLowerCase(), wanted.toLowerCase()];
  return want.endsWith('*') ? have.startsWith(want.slice(0, -1)) : have === want;
};

/** Writers as the core sees them. Without a list, every writer with a selected component is required. */
export function writerStatuses(
  writers: readonly HelperWriter[],
  required: readonly string[] | undefined,
): readonly WriterStatus[] {
  return writers.map(({ id, name, state, result, selected }) => ({
    id,
    name,
    state,
    hresult: result,
    required: required ? required.some((wanted) => matches(name, wanted)) : selected,
  }));
}

/** Required writers that take no part: not installed, or without a component on the captured volumes. */
export function absentWriters(
  writers: readonly HelperWriter[],
  required: readonly string[] | undefined,
): readonly string[] {
  return (required ?? []).filter((wanted) => !writers.some(({ name, selected }) => selected && matches(name, wanted)));
}

/** States 6 to 15 of VSS_WRITER_STATE are failures in a phase; a result other than S_OK is one in any state. */
const hasFailed = (writer: WriterStatus): boolean =>
  (writer.state >= 6 && writer.state <= 15) || Number(writer.hresult) !== 0;

export const failedRequired = (writers: readonly WriterStatus[]): WriterStatus | undefined =>
  writers.find((writer) => writer.required && hasFailed(writer));
