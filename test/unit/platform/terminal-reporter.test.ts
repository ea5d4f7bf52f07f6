import { createTerminalReporter } from '../../../src/platform/terminal-reporter.ts';

const ERASE = '\r\x1b[K';
const GIB = 2 ** 30;

function terminal(width = 80) {
  let atMs = 0;
  let written = '';
  const reporter = createTerminalReporter(
    (text) => {
      written += text;
    },
    () => new Date(atMs),
    () => width,
  );
  return {
    reporter,
    at: (ms: number) => {
      atMs = ms;
    },
    written: () => written,
  };
}

test('progress is one line that is drawn anew in place, a few times a second', () => {
  const { reporter, at, written } = terminal();

  reporter.progress('writing image', { image: 'vm/disk.raw', doneBytes: GIB / 2, bytes: 2 * GIB });
  reporter.progress('writing image', { image: 'vm/disk.raw', doneBytes: GIB, bytes: 2 * GIB });
  at(200);
  reporter.progress('writing image', { image: 'vm/disk.raw', doneBytes: 2 * GIB, bytes: 2 * GIB });

  expect(written()).toBe(
    `${ERASE}writing image vm/disk.raw 25 % 512 MiB${ERASE}writing image vm/disk.raw 100 % 2048 MiB`,
  );
});

test('an event takes the line of progress away first, and so does who prints a result', () => {
  const { reporter, at, written } = terminal();

  reporter.progress('checking');
  reporter.warn('something is wrong');
  at(1000);
  reporter.progress('checking');
  reporter.clear();
  reporter.clear();

  expect(written()).toBe(
    `${ERASE}checking${ERASE}1970-01-01T00:00:00.000Z warn something is wrong\n${ERASE}checking${ERASE}`,
  );
});

test('a line of progress never wraps, and no name drives the terminal', () => {
  const { reporter, written } = terminal(24);

  reporter.progress('writing image', { image: 'vm\x1b[2J/a-very-long-name.raw' });

  expect(written()).toBe(`${ERASE}writing image vm\\x1b[2J`);
});
