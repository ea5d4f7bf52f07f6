import {
  checksum,
  decrypt,
  decryptCts,
  deriveKey,
  encrypt,
  encryptCts,
  nFold,
} from '../../../../../../src/guest/windows/winrm/kerberos/aes-encryption.ts';
import { checksumOf, newKey, openWith, sealWith } from '../../../../../../src/lab/windows-guest/kerberos/aes.ts';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

test.each([
  ['012345', 64, 'be072631276b1955'],
  ['password', 56, '78a07b6caf85fa'],
  ['Rough Consensus, and Running Code', 64, 'bb6ed30870b7f0e0'],
  ['password', 168, '59e4a8ca7c0385c3c37b3f6d2000247cb6e6bd5b3e'],
  ['MASSACHVSETTS INSTITVTE OF TECHNOLOGY', 192, 'db3b0d8f0b061e603282b308a50841229ad798fab9540c1b'],
  ['Q', 168, '518a54a215a8452a518a54a215a8452a518a54a215'],
  ['ba', 168, 'fb25d531ae8974499f52fd92ea9857c4ba24cf297e'],
  ['kerberos', 256, '6b65726265726f737b9b5b2b93132b935c9bdcdad95c9899c4cae4dee6d6cae4'],
])('n-fold of "%s" to %i bits is that of RFC 3961 A.1', (text, bits, expected) => {
  expect(nFold(Buffer.from(text), bits / 8).toString('hex')).toBe(expected);
});

test.each([
  ['128', 'cdedb5281bb2f801565a1122b2563515', '42263c6e89f4fc28b8df68ee09799f15'],
  [
    '256',
    'cdedb5281bb2f801565a1122b25635150ad1f7a04bb9f3a333ecc0e2e1f70837',
    'fe697b52bc0d3ce14432ba036a92e65bbb52280990a2fa27883998d72af30161',
  ],
])('the derived key of %s bits is that of RFC 3962 B', (_bits, base, expected) => {
  expect(deriveKey(hex(base), Buffer.from('kerberos')).toString('hex')).toBe(expected);
});

const CTS_KEY = Buffer.from('chicken teriyaki');
const TEXT = Buffer.from("I would like the General Gau's Chicken, please, and wonton soup.");

test.each([
  [17, 'c6353568f2bf8cb4d8a580362da7ff7f97'],
  [31, 'fc00783e0efdb2c1d445d4c8eff7ed2297687268d6ecccc0c07b25e25ecfe5'],
  [32, '39312523a78662d5be7fcbcc98ebf5a897687268d6ecccc0c07b25e25ecfe584'],
  [47, '97687268d6ecccc0c07b25e25ecfe584b3fffd940c16a18c1b5549d2f838029e39312523a78662d5be7fcbcc98ebf5'],
  [48, '97687268d6ecccc0c07b25e25ecfe5849dad8bbb96c4cdc03bc103e1a194bbd839312523a78662d5be7fcbcc98ebf5a8'],
  [
    64,
    '97687268d6ecccc0c07b25e25ecfe58439312523a78662d5be7fcbcc98ebf5a84807efe836ee89a526730dbc2f7bc8409dad8bbb96c4cdc03bc103e1a194bbd8',
  ],
])('%i bytes with cipher text stealing are those of RFC 3962 B, both ways', (length, expected) => {
  const plain = TEXT.subarray(0, length);

  expect(encryptCts(CTS_KEY, plain).toString('hex')).toBe(expected);
  expect(decryptCts(CTS_KEY, hex(expected)).equals(plain)).toBe(true);
});

test.each([17, 18] as const)(
  'type %i of any length is read by another implementation, and the other way round',
  (etype) => {
    const key = newKey(etype);
    for (let length = 0; length < 50; length += 1) {
      const plain = Buffer.alloc(length, length + 1);
      expect(openWith(key, 24, encrypt(key, 24, plain))).toEqual(plain);
      expect(decrypt(key, 22, sealWith(key, 22, plain))).toEqual(plain);
      expect(checksum(key, 23, plain)).toEqual(checksumOf(key, 23, plain));
    }
  },
);

test('a changed byte, another usage and another key are noticed', () => {
  const key = newKey();
  const cipher = encrypt(key, 11, Buffer.from('authenticator'));
  for (let at = 0; at < cipher.length; at += 1) {
    const changed = Buffer.from(cipher);
    changed[at] = (changed[at] ?? 0) ^ 1;
    expect(decrypt(key, 11, changed)).toBeUndefined();
  }
  expect(decrypt(key, 12, cipher)).toBeUndefined();
  expect(decrypt(newKey(), 11, cipher)).toBeUndefined();
  expect(decrypt(key, 11, cipher.subarray(0, 20))).toBeUndefined();
});
