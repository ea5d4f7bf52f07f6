import type { ExcludedComponent, WriterStatus } from '../../ports/guest.ts';
import type { HelperExcludedComponent, HelperWriter } from './vss-helper-protocol.ts';
import { adviceFor, mayPass } from './vss-results.ts';
import type { ResolvedSettings } from './windows-guest-settings.ts';

type WriterSettings = Pick<ResolvedSettings, 'requiredWriters' | 'excludedWriters'>;

/** VSS_WRITER_STATE: a writer that failed here could not tell what it has on the captured volumes. */
const FAILED_AT_IDENTIFY = 6;
const LAST_FAILED_STATE = 15;

/** Does the name fit one of the names of the settings? Case does not count; a trailing `*` matches any ending. */
export const fitsWriter = (name: string, wanted: string): boolean => {
  const [have, want] = [name.toLowerCase(), wanted.toLowerCase()];
  return want.endsWith('*') ? have.startsWith(want.slice(0, -1)) : have === want;
};

const isId = (id: string, other: string): boolean => id.toLowerCase() === other.toLowerCase();

/**
 * Writers as the core sees them. Without a list, every writer with a selected component is required, and one that could not even say
 * what it has.
 */
export function writerStatuses(writers: readonly HelperWriter[], settings: WriterSettings): readonly WriterStatus[] {
  return writers.map((writer) => {
    const { id, name, state, result } = writer;
    const failed = hasFailed({ state, hresult: result });
    return {
      id,
      name,
      state,
      hresult: result,
      required: isRequired(writer, settings),
      ...(failed && { remedy: { advice: adviceFor(result), mayPass: mayPass(result) } }),
    };
  });
}

function isRequired(writer: HelperWriter, { requiredWriters, excludedWriters }: WriterSettings): boolean {
  if (excludedWriters.some((id) => isId(id, writer.id))) return false;
  if (requiredWriters) return requiredWriters.some((wanted) => fitsWriter(writer.name, wanted));
  return writer.selected || writer.state === FAILED_AT_IDENTIFY;
}

/** Required writers that take no part: not installed, or without a component on the captured volumes. */
export function absentWriters(
  writers: readonly HelperWriter[],
  required: readonly string[] | undefined,
): readonly string[] {
  return (required ?? []).filter(
    (wanted) => !writers.some(({ name, selected }) => selected && fitsWriter(name, wanted)),
  );
}

/** With the names of their writers. */
export function excludedComponents(
  excluded: readonly HelperExcludedComponent[],
  writers: readonly WriterStatus[],
): readonly ExcludedComponent[] {
  return excluded.map(({ writer: id, component, reason }) => {
    const name = writers.find((writer) => isId(writer.id, id))?.name ?? id;
    return { writer: { id, name }, component, reason };
  });
}

/** The first that belongs to a writer that must succeed: what is captured of it is not all of it. */
export const excludedOfRequired = (
  excluded: readonly ExcludedComponent[],
  writers: readonly WriterStatus[],
): ExcludedComponent | undefined =>
  excluded.find(({ writer }) => writers.some(({ id, required }) => required && isId(id, writer.id)));

/** States 6 to 15 of VSS_WRITER_STATE are failures in a phase; a result other than S_OK is one in any state. */
const hasFailed = ({ state, hresult }: Pick<WriterStatus, 'state' | 'hresult'>): boolean =>
  (state >= FAILED_AT_IDENTIFY && state <= LAST_FAILED_STATE) || Number(hresult) !== 0;

export const failedRequired = (writers: readonly WriterStatus[]): WriterStatus | undefined =>
  writers.find((writer) => writer.required && hasFailed(writer));
