import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { EventLog, type LabEvent } from '../../../src/lab/world/events.ts';

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'lab-events-'));
  file = path.join(folder, 'events.jsonl');
});
afterEach(() => rmSync(folder, { recursive: true }));

const add = (log: EventLog, count: number, detail = {}) => {
  for (let index = 0; index < count; index += 1) log.add('array', 'effect', 'establish', '00001', detail);
};
const written = (): readonly LabEvent[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as LabEvent); // written by the log itself
const numbers = (events: readonly LabEvent[]) => events.map(({ seq }) => seq);

test('without a file every event is kept, and since gives those after a number', () => {
  const log = new EventLog();
  expect(log.since(0)).toEqual([]);
  add(log, 10_050);

  expect(log.events).toHaveLength(10_050);
  expect(numbers(log.since(10_048))).toEqual([10_049, 10_050]);
  expect(log.since(0)).toHaveLength(10_050);
  expect(log.since(10_050)).toEqual([]);
});

test('with a file only the newest 10,000 stay in memory, all are in the file, and since still goes by number', () => {
  const log = new EventLog(file);
  add(log, 10_099);

  expect(log.events).toHaveLength(10_000);
  expect(log.events[0]?.seq).toBe(101);
  expect(numbers(log.since(10_098))).toEqual([10_099, 10_100]);
  expect(log.since(5)).toHaveLength(10_000);
  expect(log.since(100)).toHaveLength(10_000);
  expect(log.since(101)).toHaveLength(9_999);
  expect(numbers(written())).toEqual(Array.from({ length: 10_100 }, (_, index) => index + 1));
});

test('after a restart the numbers go on, and the start is told', () => {
  add(new EventLog(file), 3);
  const again = new EventLog(file);
  add(again, 1);

  expect(numbers(written())).toEqual([1, 2, 3, 4, 5, 6]);
  expect(written()[4]).toMatchObject({ system: 'lab', kind: 'effect', operation: 'lab started' });
  expect(numbers(again.events)).toEqual([5, 6]);
  expect(numbers(again.since(5))).toEqual([6]);
  expect(numbers(again.since(0))).toEqual([5, 6]);
});

test('a last line cut off by a kill does not lose the number before it nor spoil the next line', () => {
  add(new EventLog(file), 2);
  appendFileSync(file, '{"seq":4,"at":"20');
  const again = new EventLog(file);

  expect(numbers(again.events)).toEqual([4]);
  const lines = readFileSync(file, 'utf8').split('\n');
  expect(lines.slice(-3)).toEqual(['{"seq":4,"at":"20', JSON.stringify(again.events[0]), '']);
});

test('a last event longer than what is read first is found all the same', () => {
  add(new EventLog(file), 1, { defect: 'x'.repeat(300_000) });

  expect(numbers(new EventLog(file).events)).toEqual([3]);
});
