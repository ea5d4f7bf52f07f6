import * as fc from 'fast-check';
import { arrayId, wwn, wwnOfNguid } from '../../../src/ports/identity.ts';
import { answersTo, decodedDevice, decodeWwn, parseIdentity } from '../../../src/powermax/identity.ts';

const DEVICE = '60000970000197900046533030324538';
const VVOL = '600009700bcbb71139ff01780000050a';

test.each([
  ['60000970000197900046533030324538', '000197900046', '002E8'],
  ['60000970000197900049533030334536', '000197900049', '003E6'],
  ['60000970000297901855533030343635', '000297901855', '00465'],
])('%s names array %s, device %s', (candidate, array, device) => {
  expect(decodeWwn(wwn(candidate))).toEqual({ arrayId: array, deviceId: device });
});

test.each([VVOL, '60000970000197900046533030324540', '6000097000019790004653303032'.padEnd(32, '0')])(
  '%s does not decode to a device',
  (candidate) => {
    expect(decodeWwn(wwn(candidate))).toBeUndefined();
  },
);

test('a device of another array is no guess for this one', () => {
  const wanted = parseIdentity(`naa.${DEVICE}`);

  expect(wanted && decodedDevice(wanted, arrayId('000197900046'))).toBe('002E8');
  expect(wanted && decodedDevice(wanted, arrayId('000197900047'))).toBeUndefined();
});

test.each([
  ['18555330303436350000976000029790', '60000970000297901855533030343635'],
  ['00465330303245380000976000019790', '60000970000197900046533030324538'],
  ['12635330303134340000976000012000', '60000970000120001263533030313434'],
])('NGUID %s is WWN %s', (nguid, expected) => {
  expect(wwnOfNguid(nguid)).toBe(expected);
});

test('NGUID to WWN undoes WWN to NGUID', () => {
  const hex = fc.stringMatching(/^[0-9a-f]{32}$/);
  fc.assert(
    fc.property(hex, (value) => {
      const nguid = value.slice(16) + value.slice(1, 7) + value.slice(0, 1) + value.slice(7, 16);
      expect(wwnOfNguid(nguid)).toBe(value);
    }),
  );
});

test.each([
  [`naa.${DEVICE}`, 'naa'],
  [`NAA.${DEVICE.toUpperCase()}`, 'naa'],
  ['eui.18555330303436350000976000029790', 'nguid'],
  [`rfc4122.${VVOL.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')}`, 'vvol'],
  [VVOL, 'vvol'],
  ['rfc4122.not-a-uuid', 'label'],
])('%s is understood as %s', (identity, kind) => {
  expect(parseIdentity(identity)?.kind).toBe(kind);
});

test.each(['naa.6000097000019790', 't10.ATA_____disk', 'mpx.vmhba1:C0:T0:L0', '', 'naa.'])(
  '"%s" is no identity of a device on such an array',
  (identity) => {
    expect(parseIdentity(identity)).toBeUndefined();
  },
);

describe('a device answers to', () => {
  const other = '60000970000197900047533030324538';
  const identities = { wwn: DEVICE, effectiveWwn: other, nguid: undefined };
  const answers = (identity: string, device: Parameters<typeof answersTo>[0]) => {
    const wanted = parseIdentity(identity);
    return wanted !== undefined && answersTo(device, wanted);
  };

  test('its effective WWN and not to its own when the two differ', () => {
    expect(answers(`naa.${other}`, identities)).toBe(true);
    expect(answers(`naa.${DEVICE}`, identities)).toBe(false);
  });

  test('its own WWN where the release shows no effective one', () => {
    expect(answers(`naa.${DEVICE}`, { ...identities, effectiveWwn: undefined })).toBe(true);
  });

  test('its own WWN when asked by a vVol id', () => {
    expect(answers(DEVICE, identities)).toBe(true);
  });

  test('its NGUID, and to the WWN inside it only where the release shows no NGUID', () => {
    const nguid = '00465330303245380000976000019790';
    expect(answers(`eui.${nguid}`, { wwn: DEVICE, effectiveWwn: DEVICE, nguid })).toBe(true);
    expect(answers(`eui.${nguid}`, { wwn: DEVICE, effectiveWwn: DEVICE, nguid: undefined })).toBe(true);
    expect(answers(`eui.${nguid}`, { wwn: DEVICE, effectiveWwn: DEVICE, nguid: nguid.replace('4', '5') })).toBe(false);
  });
});
