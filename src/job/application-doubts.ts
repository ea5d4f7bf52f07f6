import {
  type FreezeEvidence,
  type GuestApplication,
  type ListedWriter,
  PLUG_IN_NOT_IMPLEMENTED,
  type PreparedGuest,
  type ScriptRun,
  type WriterStatus,
} from '../ports/guest.ts';

interface Evidence {
  readonly prepared: PreparedGuest;
  readonly freeze: FreezeEvidence | undefined;
}

const STABLE = 1;
/** What a writer waits for when it went through its freeze and its thaw. */
const WAITING_FOR_BACKUP_COMPLETE = 5;
/** VSS_WRITER_STATE from here on means failed in some phase. */
export const FIRST_FAILED_STATE = 6;
const NO_FAILURE = '0x00000000';

/** Why it is not certain that all applications of the guest were quiet; empty: they were. */
export function applicationDoubts({ prepared, freeze }: Evidence): string[] {
  switch (prepared.strategy) {
    case 'vss-diskshadow': {
      const after = freeze?.strategy === prepared.strategy ? freeze.writersAfter : [];
      return [
        ...listedWriterDoubts(prepared.writersBefore, after),
        ...scriptDoubts({ applications: prepared.applications ?? [], before: [], after: [] }),
      ];
    }
    case 'vss-provider':
      return windowsDoubts(prepared, freeze?.strategy === prepared.strategy ? freeze : undefined);
    case 'linux-fsfreeze': {
      const { applications, scripts: before } = prepared;
      // A frozen file system says nothing about what its applications were in the middle of: their scripts must speak for them.
      if (!applications.some(({ required }) => required))
        return ['no application of the guest is named that a script or plug-in could speak for'];
      return scriptDoubts({
        applications,
        before,
        after: freeze?.strategy === prepared.strategy ? freeze.scripts : [],
      });
    }
  }
}

/** Writers speak for their applications, scripts and plug-ins for the others: one that is named is enough to speak at all. */
function windowsDoubts(
  { writersBefore, applications = [], scripts: before = [] }: Extract<PreparedGuest, { strategy: 'vss-provider' }>,
  freeze: Extract<FreezeEvidence, { strategy: 'vss-provider' }> | undefined,
): string[] {
  const isSpokenFor = [...writersBefore, ...applications].some(({ required }) => required);
  return [
    ...(isSpokenFor ? [] : ['no VSS writer has anything on the captured disks']),
    ...writerDoubts(writersBefore, freeze?.writersAfter ?? []),
    ...scriptDoubts({ applications, before, after: freeze?.scripts ?? [] }),
  ];
}

function writerDoubts(before: readonly WriterStatus[], after: readonly WriterStatus[]): string[] {
  const doubts: string[] = [];
  for (const writer of before.filter(({ required }) => required)) {
    if (writer.state !== STABLE || writer.hresult !== NO_FAILURE) {
      doubts.push(
        `writer "${writer.name}" was not stable before the freeze (state ${writer.state}, ${writer.hresult})`,
      );
    }
    // Instances of one writer have its id and name: all of them must come back.
    const isSame = ({ id, name }: WriterStatus) => id === writer.id && name === writer.name;
    if (after.filter(isSame).length < before.filter(isSame).length)
      doubts.push(`writer "${writer.name}" was not seen after the freeze`);
    else if (requiredOf(after, isSame) < requiredOf(before, isSame))
      doubts.push(`writer "${writer.name}" took no part in the freeze any more`);
  }
  for (const writer of after.filter(({ required }) => required)) {
    if (writer.state === 0 || writer.state >= FIRST_FAILED_STATE || writer.hresult !== NO_FAILURE)
      doubts.push(`writer "${writer.name}" failed (state ${writer.state}, ${writer.hresult})`);
    else if (writer.state !== STABLE && writer.state !== WAITING_FOR_BACKUP_COMPLETE)
      doubts.push(`writer "${writer.name}" did not come to the end of its freeze (state ${writer.state})`);
  }
  return doubts;
}

const requiredOf = (writers: readonly WriterStatus[], isSame: (writer: WriterStatus) => boolean): number =>
  writers.filter((writer) => writer.required && isSame(writer)).length;

/**
 * That VSS made the shadow copies is the word of the verified writers: without one of them it makes none. What another process sees of
 * them, before and after, can only take that back.
 */
function listedWriterDoubts(before: readonly ListedWriter[], after: readonly ListedWriter[]): string[] {
  const verified = before.filter((writer) => writer.verified);
  if (verified.length === 0) return ['no writer of an application is named that VSS could have verified'];
  return verified.flatMap(({ id, name }) => {
    const isSame = (writer: ListedWriter) => writer.id === id && writer.name === name;
    const seen = after.filter(isSame);
    // VSS verifies a class of writers: of two instances one may have been left out.
    if (seen.length < before.filter(isSame).length)
      return [`writer "${name}" was not seen after the shadow copies were made`];
    return seen
      .filter(({ state }) => state !== STABLE && state !== WAITING_FOR_BACKUP_COMPLETE)
      .map(({ state }) => `writer "${name}" did not come to the end of the shadow copies (state ${state})`);
  });
}

interface Spoken {
  readonly applications: readonly GuestApplication[];
  readonly before: readonly ScriptRun[];
  readonly after: readonly ScriptRun[];
}

function scriptDoubts({ applications, before, after }: Spoken): string[] {
  const doubts = applications
    .filter(({ required: isRequired, quiet, problem }) => problem !== undefined || (isRequired && !quiet))
    .map(
      ({ name, problem }) => `application "${name}" was not made quiet${problem === undefined ? '' : `: ${problem}`}`,
    );
  const told = before.filter(({ kind, exitCode }) => kind === 'script' || exitCode !== PLUG_IN_NOT_IMPLEMENTED);
  for (const { kind, name, phase, exitCode } of [...told, ...after]) {
    if (exitCode !== 0 || phase === 'freezeFail')
      doubts.push(`${kind} "${name}" ended ${phase} with ${exitCode === undefined ? 'no result in time' : exitCode}`);
  }
  for (const { kind, name } of told) {
    if (!after.some((script) => script.kind === kind && script.name === name && script.phase === 'thaw'))
      doubts.push(`${kind} "${name}" was not seen to let its application go on`);
  }
  return doubts;
}
