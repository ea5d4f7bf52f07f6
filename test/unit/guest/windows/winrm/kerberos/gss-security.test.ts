import { GssSecurity } from '../../../../../../src/guest/windows/winrm/kerberos/gss-security.ts';
import { checksumOf, newKey } from '../../../../../../src/lab/windows-guest/kerberos/aes.ts';
import { GssSession } from '../../../../../../src/lab/windows-guest/kerberos/gss-session.ts';

const session = () => {
  const key = newKey();
  const client = new GssSecurity({ key, isAcceptorSubkey: true, sendFrom: 7, receiveFrom: 2 ** 30 });
  return { client, server: new GssSession(key, 7, 2 ** 30) };
};
const open = (side: GssSecurity | GssSession, { signature, sealed }: { signature: Buffer; sealed: Buffer }) =>
  side.unseal(signature, sealed)?.toString();

test('messages of both sides are opened in their order, the data apart from a signature of 60 bytes', () => {
  const { client, server } = session();
  for (const text of ['', 'a', 'sixteen bytes ok', 'Grüße, '.repeat(5000)]) {
    const sent = client.seal(Buffer.from(text));
    expect(sent.signature).toHaveLength(60);
    expect(sent.sealed).toHaveLength(Buffer.byteLength(text));
    expect(open(server, sent)).toBe(text);
    expect(open(client, server.seal(Buffer.from(text)))).toBe(text);
  }
});

test('a message that comes twice, late, changed or back to its sender is not opened', () => {
  const { client, server } = session();
  const first = server.seal(Buffer.from('first'));
  const second = server.seal(Buffer.from('second'));
  expect(open(client, second)).toBeUndefined();
  expect(open(client, first)).toBe('first');
  expect(open(client, first)).toBeUndefined();
  expect(open(client, client.seal(Buffer.from('second')))).toBeUndefined();
  const changed = Buffer.from(second.sealed);
  changed[0] = (changed[0] ?? 0) ^ 1;
  expect(open(client, { signature: second.signature, sealed: changed })).toBeUndefined();
  expect(open(client, second)).toBe('second');
});

test('the head outside the seal must say what the sealed copy says', () => {
  const { client, server } = session();
  const { signature, sealed } = server.seal(Buffer.from('text'));
  for (const at of [0, 2, 3, 5]) {
    const changed = Buffer.from(signature);
    changed[at] = (changed[at] ?? 0) ^ 1;
    expect(open(client, { signature: changed, sealed })).toBeUndefined();
  }
  expect(client.unseal(signature.subarray(0, 10), Buffer.alloc(0))).toBeUndefined();
});

test('a token without rotation is opened too, as RFC 4121 allows it', () => {
  const key = newKey();
  const server = new GssSession(key, 0, 3);
  const client = new GssSecurity({ key, isAcceptorSubkey: true, sendFrom: 0, receiveFrom: 3 });
  const { signature, sealed } = server.seal(Buffer.from('text'));
  const plainHead = Buffer.from(signature.subarray(0, 16));
  plainHead.writeUInt16BE(0, 6);
  const turnedBack = Buffer.concat([signature.subarray(44), sealed, signature.subarray(16, 44)]);

  expect(open(client, { signature: plainHead, sealed: turnedBack })).toBe('text');
});

test('a check of the server over the list of mechanisms is verified once and takes a number (RFC 4121 4.2.6.1)', () => {
  const key = newKey();
  const client = new GssSecurity({ key, isAcceptorSubkey: true, sendFrom: 0, receiveFrom: 9 });
  const list = Buffer.from('mechanisms');
  const header = Buffer.from('040405ffffffffff0000000000000009', 'hex');
  const mic = Buffer.concat([header, checksumOf(key, 23, Buffer.concat([list, header]))]);

  expect(client.verifyMic(list, mic)).toBe(true);
  expect(client.verifyMic(list, mic)).toBe(false);
  expect(open(client, new GssSession(key, 0, 11).seal(Buffer.from('next')))).toBe('next');
});
