import { checkBasic, type GuestUser } from '../../../src/lab/windows-guest/guest-accounts.ts';
import { md4 } from '../../../src/lab/windows-guest/md4.ts';
import { NtlmAcceptor, type NtlmIdentity, type NtlmStep } from '../../../src/lab/windows-guest/ntlm-acceptor.ts';
import { NtlmSession } from '../../../src/lab/windows-guest/ntlm-session.ts';
import { Rc4 } from '../../../src/lab/windows-guest/rc4.ts';
import { type Answering, authenticateMessage, NtlmClientSession, negotiateMessage } from './ntlm-client.ts';

const hex = (text: string): Buffer => Buffer.from(text.replace(/\s/g, ''), 'hex');

test.each([
  ['', '31d6cfe0d16ae931b73c59d7e0c089c0'],
  ['a', 'bde52cb31de33e46245e05fbdbd6fb24'],
  ['abc', 'a448017aaf21d8525fc10ae87aa6729d'],
  ['message digest', 'd9130a8164549fe818874806e1c7014b'],
  ['abcdefghijklmnopqrstuvwxyz', 'd79e1c308aa5bbcdeea8ed63df412da9'],
  ['ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789', '043f8582f241db351ce627e153e7f0e4'],
  [
    '12345678901234567890123456789012345678901234567890123456789012345678901234567890',
    'e33b4ddc9c38f2199c3e7b164fcc0536',
  ],
])('MD4 of "%s" is the one of RFC 1320', (text, digest) => {
  expect(md4(Buffer.from(text)).toString('hex')).toBe(digest);
});

test.each([
  ['0102030405', 'b2396305f03dc027ccc3524a0a1118a8'],
  ['0102030405060708090a0b0c0d0e0f10', '9ac7cc9a609d1ef7b2932899cde41b97'],
])('RC4 with key %s gives the key stream of RFC 6229', (key, stream) => {
  const rc4 = new Rc4(hex(key));
  const halves = [rc4.update(Buffer.alloc(7)), rc4.update(Buffer.alloc(9))];
  expect(Buffer.concat(halves).toString('hex')).toBe(stream);
});

test('a message sealed as in the NTLMv2 example of MS-NLMP 4.2.4.4 is opened', () => {
  const session = new NtlmSession(Buffer.alloc(16, 0x55));

  const plain = session.unseal(
    hex('01 00 00 00 7f b3 8e c5 c5 5d 49 76 00 00 00 00'),
    hex('54 e5 01 65 bf 19 36 dc 99 60 20 c1 81 1b 0f 06 fb 5f'),
  );

  expect(plain?.toString('utf16le')).toBe('Plaintext');
});

test('a message changed on the way is not opened', () => {
  const key = Buffer.alloc(16, 7);
  const sealed = new NtlmClientSession(key).seal(Buffer.from('hello'));
  sealed[18] = (sealed[18] ?? 0) ^ 1;

  expect(new NtlmSession(key).unseal(sealed.subarray(0, 16), sealed.subarray(16))).toBeUndefined();
});

const USERS: readonly GuestUser[] = [
  { name: 'Administrator', password: 'Pässwört' },
  { name: 'backup', domain: 'LAB', password: 'secret' },
];
const BINDING = Buffer.alloc(16, 0xab);
const IDENTITY: NtlmIdentity = {
  hostName: 'SQL01',
  users: USERS,
  channelBinding: BINDING,
  strictChannelBinding: false,
};

function logOn(answering: Answering): NtlmStep {
  const acceptor = new NtlmAcceptor(IDENTITY);
  const negotiate = negotiateMessage();
  const step = acceptor.step(negotiate);
  if (step.kind !== 'challenge') return step;
  return acceptor.step(authenticateMessage(negotiate, step.token, answering).message);
}

test.each<[string, Answering]>([
  ['a local account', { user: 'administrator', password: 'Pässwört' }],
  ['a local account by the computer name', { domain: 'sql01', user: 'Administrator', password: 'Pässwört' }],
  ['a domain account', { domain: 'lab', user: 'backup', password: 'secret' }],
  ['the right channel binding', { user: 'Administrator', password: 'Pässwört', channelBinding: BINDING }],
])('NTLMv2 accepts %s and agrees on sealing', (_what, answering) => {
  expect(logOn(answering)).toMatchObject({ kind: 'accepted', session: expect.any(NtlmSession) });
});

test.each<[string, Answering, string]>([
  ['a wrong password', { user: 'Administrator', password: 'x' }, 'wrong password'],
  ['an unknown user', { user: 'nobody', password: 'x' }, 'no account "\\nobody"'],
  ['a domain account without its domain', { user: 'backup', password: 'secret' }, 'no account "\\backup"'],
  ['a wrong MIC', { user: 'Administrator', password: 'Pässwört', mic: 'wrong' }, 'wrong MIC'],
  [
    'a wrong channel binding',
    { user: 'Administrator', password: 'Pässwört', channelBinding: Buffer.alloc(16, 1) },
    'wrong channel binding',
  ],
])('NTLMv2 refuses %s', (_what, answering, reason) => {
  expect(logOn(answering)).toEqual({ kind: 'refused', reason });
});

test('tokens that are no NTLM messages, too short or out of order are refused', () => {
  const negotiate = negotiateMessage();
  expect(new NtlmAcceptor(IDENTITY).step(Buffer.from('hello')).kind).toBe('refused');
  expect(new NtlmAcceptor(IDENTITY).step(negotiate.subarray(0, 16)).kind).toBe('refused');
  const challenge = new NtlmAcceptor(IDENTITY).step(negotiate);
  const { message } = authenticateMessage(
    negotiate,
    challenge.kind === 'challenge' ? challenge.token : Buffer.alloc(0),
    { user: 'Administrator', password: 'Pässwört' },
  );
  expect(new NtlmAcceptor(IDENTITY).step(message)).toEqual({
    kind: 'refused',
    reason: 'AUTHENTICATE without challenge',
  });
});

test('Basic knows local accounts only', () => {
  const basic = (text: string) => checkBasic(USERS, 'SQL01', Buffer.from(text).toString('base64'));

  expect(basic('Administrator:Pässwört')).toBe(USERS[0]);
  expect(basic('SQL01\\administrator:Pässwört')).toBe(USERS[0]);
  expect(basic('Administrator:wrong')).toBeUndefined();
  expect(basic('LAB\\backup:secret')).toBeUndefined();
  expect(basic('no colon')).toBeUndefined();
});
