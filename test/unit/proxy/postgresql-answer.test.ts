import { readAnswer } from '../../../src/proxy/linux/probes/postgresql.ts';

const CONTROL = 'Database cluster state:               in production\nData page checksum version:           1\n';
const SERVER = `
PostgreSQL stand-alone backend 15.18 (Debian 15.18-0+deb12u1)
backend> \t 1: databases\t(typeid = 20, len = 8, typmod = -1, byval = t)
\t----
\t 1: databases = "3"\t(typeid = 20, len = 8, typmod = -1, byval = t)
\t----
backend> `;
const LOG = '2026-01-02 03:04:05.678 GMT [11] ';

test('state, databases and checksums are read of what the programs print one after the other', () => {
  const pages = 'Checksum operation completed\nBad checksums:  0\nData checksum version: 1\n';

  expect(readAnswer(`${CONTROL}${LOG}LOG:  redo done at 0/1\n${SERVER}${pages}`)).toEqual({
    state: 'in production',
    databases: 3,
    hasCheckedPages: true,
    problem: undefined,
  });
});

test.each([
  [
    `${CONTROL}${LOG}LOG:  invalid primary checkpoint record\n${LOG}PANIC:  could not locate a valid checkpoint record\n`,
    'could not locate a valid checkpoint record',
  ],
  [
    `${CONTROL}${SERVER}pg_checksums: error: checksum verification failed in file "x", block 0\n`,
    'checksum verification failed in file "x", block 0',
  ],
])('what it complains of first is the reason, and never taken for an answer', (text, problem) => {
  expect(readAnswer(text)).toMatchObject({ problem, hasCheckedPages: false });
});
