import { addressText } from '../../../src/job/proxy-address.ts';
import { deviceId } from '../../../src/ports/identity.ts';

const TARGET = deviceId('00501');

test("the address is the one at the proxy's own initiators, not that of another host of its group", () => {
  const text = addressText(
    TARGET,
    [
      { view: 'MV-pool', host: 'esx01', paths: [{ initiator: 'iqn.esx01', lun: 7 }] },
      { view: 'MV-pool', host: 'PROXY01', paths: [{ initiator: 'iqn.proxy01', lun: 4 }] },
    ],
    'proxy01',
  );

  expect(text).toBe('the array shows target "00501" to host "proxy01": LUN 4 at iqn.proxy01 by view "MV-pool"');
});

test.each([
  [[], 'no masking view shows target "00501" to host "proxy01"'],
  [[{ view: 'MV-pool', host: 'proxy01', paths: [] }], /at no address told by view "MV-pool"/],
  [[{ view: 'MV-pool', host: 'proxy01', paths: [{ initiator: 'iqn.a', lun: undefined }] }], /LUN not told at iqn.a/],
])('what the array does not tell is said', (presentations, expected) => {
  expect(addressText(TARGET, presentations, 'proxy01')).toEqual(
    typeof expected === 'string' ? expected : expect.stringMatching(expected),
  );
});
