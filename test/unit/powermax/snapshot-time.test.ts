import { snapshotTimeMs } from '../../../src/powermax/snapshot-time.ts';

test.each([
  ['16:05:06 Tue, 19 Nov 2019 GMT +0000', '2019-11-19T16:05:06Z'],
  ['16:05:06 Tue, 19 Nov 2019 GMT +0130', '2019-11-19T14:35:06Z'],
  ['23:00:33 Sun, 03 Nov 2019 GMT -0500', '2019-11-04T04:00:33Z'],
])('%s is %s', (text, time) => {
  expect(snapshotTimeMs(text)).toBe(Date.parse(time));
});

test.each([
  undefined,
  '',
  'yesterday',
  '16:05:06 Tue, 19 Foo 2019 GMT +0000',
  '16:05:06 Tue, 19 Nov 2019',
  '1574179506',
])('a time that is not told as expected (%s) is none', (text) => {
  expect(snapshotTimeMs(text)).toBeUndefined();
});
