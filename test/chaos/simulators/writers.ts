import type { Random } from '../random.ts';
import type { WriterHistory } from './windows-machine.ts';

const SQL_ID = 'a65faa63-5ea8-4ebc-9dbd-a0c4db26912a';
const FINE = '0x00000000';
const RETRYABLE = '0x800423F3';
/** VSS_WRITER_STATE. */
const STABLE = 1;
const WAITING_FOR_FREEZE = 2;
const WAITING_FOR_COMPLETION = 5;
const FAILED_AT_FREEZE = 9;

/** A database's writer that does what it should. */
export function sqlWriter(): WriterHistory {
  const before = { id: SQL_ID, name: 'SqlServerWriter', state: STABLE, hresult: FINE, required: true };
  return { before, after: { ...before, state: WAITING_FOR_COMPLETION }, quiesced: true };
}

/** Ways in which a writer does not do what it should; its data then did not stand still in a good state. */
const TROUBLES: readonly ((writer: WriterHistory) => WriterHistory)[] = [
  ({ before }) => ({
    before: { ...before, state: FAILED_AT_FREEZE, hresult: RETRYABLE },
    after: { ...before, state: FAILED_AT_FREEZE, hresult: RETRYABLE },
    quiesced: false,
  }),
  ({ before }) => ({
    before,
    after: { ...before, state: FAILED_AT_FREEZE, hresult: RETRYABLE },
    quiesced: false,
  }),
  ({ before }) => ({ before, after: { ...before, state: 0, hresult: FINE }, quiesced: false }),
  // Its service ended while it was frozen.
  ({ before }) => ({ before, after: undefined, quiesced: false }),
  // It was asked and never came to its freeze.
  ({ before }) => ({ before, after: { ...before, state: WAITING_FOR_FREEZE }, quiesced: false }),
];

/** The writers of a guest for one freeze: one to three, sometimes twins of one class, sometimes in trouble. */
export function drawWriters(random: Random, troubleShare: number): readonly WriterHistory[] {
  const isRequired = random.chance(0.9);
  const sql = sqlWriter();
  const writers = [withRequired(sql, isRequired)];
  if (random.chance(0.3)) writers.push(withRequired(sql, isRequired));
  if (random.chance(0.5)) {
    const before = { ...sql.before, id: '4969d978-be47-48b0-b100-f328f07ac1e0', name: 'BITS Writer', required: false };
    writers.push({ before, after: before, quiesced: true });
  }
  return writers.map((writer) => (random.chance(troubleShare) ? random.pick(TROUBLES)(writer) : writer));
}

const withRequired = ({ before, after, quiesced }: WriterHistory, required: boolean): WriterHistory => ({
  before: { ...before, required },
  after: after && { ...after, required },
  quiesced,
});
