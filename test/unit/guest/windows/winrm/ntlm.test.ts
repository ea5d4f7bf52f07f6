import { channelBindingHash } from '../../../../../src/guest/windows/winrm/channel-binding.ts';
import { md4 } from '../../../../../src/guest/windows/winrm/md4.ts';
import { answerNtlm } from '../../../../../src/guest/windows/winrm/ntlm-login.ts';
import { encodeTargetInfo, parseChallenge } from '../../../../../src/guest/windows/winrm/ntlm-messages.ts';
import { directionKeys, NtlmSecurity } from '../../../../../src/guest/windows/winrm/ntlm-security.ts';
import { ntlmV2Response, parseAccount, responseKey, unicode } from '../../../../../src/guest/windows/winrm/ntlm-v2.ts';
import { rc4 } from '../../../../../src/guest/windows/winrm/rc4.ts';
import { challengeMessage, FULL_FLAGS } from './ntlm-challenge.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

test.each([
  ['', '31d6cfe0d16ae931b73c59d7e0c089c0'],
  ['a', 'bde52cb31de33e46245e05fbdbd6fb24'],
  ['abc', 'a448017aaf21d8525fc10ae87aa6729d'],
  ['message digest', 'd9130a8164549fe818874806e1c7014b'],
  ['abcdefghijklmnopqrstuvwxyz', 'd79e1c308aa5bbcdeea8ed63df412da9'],
  ['ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789', '043f8582f241db351ce627e153e7f0e4'],
  ['1234567890'.repeat(8), 'e33b4ddc9c38f2199c3e7b164fcc0536'],
])('MD4 of %j is as RFC 1320 A.5 says', (text, digest) => {
  expect(md4(Buffer.from(text)).toString('hex')).toBe(digest);
});

test.each([
  ['0102030405', 'b2396305f03dc027ccc3524a0a1118a8', '6982944f18fc82d589c403a47a0d0919'],
  ['0102030405060708090a0b0c0d0e0f10', '9ac7cc9a609d1ef7b2932899cde41b97', '5248c4959014126a6e8a84f11d1a9e1c'],
])('the RC4 key stream of %s is as RFC 6229 says at offsets 0 and 16, taken in pieces', (key, first, second) => {
  const stream = rc4(hex(key));

  expect(stream(Buffer.alloc(16)).toString('hex')).toBe(first);
  expect(stream(Buffer.alloc(10)).toString('hex') + stream(Buffer.alloc(6)).toString('hex')).toBe(second);
});

describe('the published NTLMv2 example (MS-NLMP 4.2.4)', () => {
  const sessionKey = Buffer.alloc(16, 0x55);
  const example = {
    responseKey: responseKey({ user: 'User', domain: 'Domain' }, 'Password'),
    serverChallenge: hex('0123456789abcdef'),
    clientChallenge: Buffer.alloc(8, 0xaa),
    fileTime: Buffer.alloc(8),
    targetInfo: encodeTargetInfo([
      { id: 2, value: unicode('Domain') },
      { id: 1, value: unicode('Server') },
    ]),
  };

  test('the response key is 4.2.4.1.1', () => {
    expect(example.responseKey.toString('hex')).toBe('0c868a403bfd7a93a3001ef22ef02e3f');
  });

  test('responses and session base key are 4.2.4.1.2, 4.2.4.2.1 and 4.2.4.2.2', () => {
    const response = ntlmV2Response(example);

    expect(response.lmChallengeResponse.toString('hex')).toBe('86c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa');
    expect(response.ntChallengeResponse.subarray(0, 16).toString('hex')).toBe('68cd0ab851e51c96aabc927bebef6a1c');
    expect(response.sessionBaseKey.toString('hex')).toBe('8de40ccadbc14a82f15cb0ad0de95ca3');
  });

  test('the encrypted session key is 4.2.4.2.3', () => {
    const { sessionBaseKey } = ntlmV2Response(example);

    expect(rc4(sessionBaseKey)(sessionKey).toString('hex')).toBe('c5dad2544fc9799094ce1ce90bc9d03e');
  });

  test('keys, sealed data and signature are 4.2.4.4', () => {
    const keys = directionKeys(sessionKey, 'client-to-server');
    const { sealed, signature } = new NtlmSecurity(sessionKey).seal(unicode('Plaintext'));

    expect(keys.sealKey.toString('hex')).toBe('59f600973cc4960a25480a7c196e4c58');
    expect(keys.signKey.toString('hex')).toBe('4788dc861b4782f35d43fd98fe1a2d39');
    expect(sealed.toString('hex')).toBe('54e50165bf1936dc996020c1811b0f06fb5f');
    expect(signature.toString('hex')).toBe('010000007fb38ec5c55d497600000000');
  });
});

const STAMP = { id: 7, value: hex('0090d336b734c301') };
const LOGIN = { username: 'LAB\\backup', password: 'secret', host: 'guest.lab' };
const field = (message: Buffer, offset: number): Buffer => {
  const start = message.readUInt32LE(offset + 4);
  return message.subarray(start, start + message.readUInt16LE(offset));
};

test('a challenge with a time stamp is answered with an integrity code, and with that very time stamp', () => {
  const answer = answerNtlm(LOGIN, challengeMessage(FULL_FLAGS, [STAMP]));

  expect(answer?.message.subarray(72, 88).equals(Buffer.alloc(16))).toBe(false);
  expect(
    field(answer?.message ?? Buffer.alloc(0), 20)
      .subarray(24, 32)
      .equals(STAMP.value),
  ).toBe(true);
});

test('a challenge without time stamp gets no integrity code, which the server could not expect', () => {
  const answer = answerNtlm(LOGIN, challengeMessage(FULL_FLAGS, []));

  expect(answer?.message.subarray(72, 88).equals(Buffer.alloc(16))).toBe(true);
});

test('over TLS the response carries the hash of the channel bindings', () => {
  const channelBinding = Buffer.from('tls-server-end-point:example');
  const answer = answerNtlm({ ...LOGIN, channelBinding }, challengeMessage(FULL_FLAGS, [STAMP]));

  const response = field(answer?.message ?? Buffer.alloc(0), 20);
  expect(response.includes(channelBindingHash(channelBinding))).toBe(true);
});

test.each([
  ['sealing', 0x20],
  ['signing', 0x10],
  ['128-bit keys', 0x20000000],
  ['extended session security', 0x00080000],
  ['key exchange', 0x40000000],
])('a challenge that drops %s is refused', (_name, flag) => {
  expect(answerNtlm(LOGIN, challengeMessage(FULL_FLAGS & ~flag, [STAMP]))).toBeUndefined();
});

test('a challenge whose lengths point outside the message is refused', () => {
  const message = challengeMessage(FULL_FLAGS, [STAMP]);

  expect(parseChallenge(message.subarray(0, message.length - 3))).toBeUndefined();
});

test('the password appears in no message of the login', () => {
  const answer = answerNtlm(LOGIN, challengeMessage(FULL_FLAGS, [STAMP]));

  expect(answer?.message.includes(unicode('secret'))).toBe(false);
  expect(answer?.message.includes('secret')).toBe(false);
});

test.each([
  ['CORP\\backup', { domain: 'CORP', user: 'backup' }],
  ['backup@corp.example', { domain: '', user: 'backup@corp.example' }],
  ['Administrator', { domain: '', user: 'Administrator' }],
])('account %s is read as domain and user', (username, account) => {
  expect(parseAccount(username)).toEqual(account);
});
