import { createHash, X509Certificate } from 'node:crypto';
import { faultOf } from '../../../../../src/guest/windows/winrm/faults.ts';
import { NtlmSecurity } from '../../../../../src/guest/windows/winrm/ntlm-security.ts';
import { sealMessage, unsealMessage } from '../../../../../src/guest/windows/winrm/sealing.ts';
import { tlsServerEndPoint } from '../../../../../src/guest/windows/winrm/tls-end-point.ts';
import { createAuthority, issueCertificate } from '../../../../../src/lab/world/certificates.ts';
import { parseXml } from '../../../../../src/platform/xml.ts';
import { fault, soap } from './winrm-peer.ts';

const envelopeOf = (reply: ReturnType<typeof soap>) => {
  if (typeof reply === 'string') throw new Error('not an answer');
  return parseXml(reply.body);
};

test.each([
  [2150858793, 'operation-timeout'],
  [2150858843, 'shell-gone'],
  [2150859173, 'quota'],
  [2150859174, 'quota'],
  [2150859241, 'quota'],
  [5, 'access-denied'],
  [995, 'aborted'],
  [2147942402, 'program-missing'],
  [2150858752, 'other'],
])('WSManFault code %d is %s', (code, kind) => {
  expect(faultOf(envelopeOf(fault(code)))).toEqual({ kind, code, message: 'no' });
});

test.each([
  ['w:TimedOut', 'operation-timeout'],
  ['any:QuotaLimit', 'quota'],
  ['w:InvalidSelectors', 'shell-gone'],
  ['w:InternalError', 'other'],
])('without a code of Windows, the subcode %s decides: %s', (subcode, kind) => {
  const reply = soap(
    `<e:Fault><e:Code><e:Value>e:Sender</e:Value><e:Subcode><e:Value>${subcode}</e:Value></e:Subcode></e:Code>` +
      '<e:Reason><e:Text>words</e:Text></e:Reason></e:Fault>',
    500,
  );

  expect(faultOf(envelopeOf(reply))).toEqual({ kind, code: undefined, message: 'words' });
});

test('an answer that is no fault is none', () => {
  expect(faultOf(envelopeOf(soap('<r:SendResponse/>')))).toBeUndefined();
});

test('the words of a fault are one short line, whatever the server sends', () => {
  const message = faultOf(envelopeOf(fault(1, `a\n   b ${'x'.repeat(2000)}`)))?.message;

  expect(message).toMatch(/^a b x+…$/);
  expect(message?.length).toBeLessThan(400);
});

test('a sealed message shows its length and none of its text', () => {
  const sealed = sealMessage(new NtlmSecurity(Buffer.alloc(16, 1)), Buffer.from('<secret/>'));

  expect(sealed.toString('latin1')).toContain('type=application/soap+xml;charset=UTF-8;Length=9\r\n');
  expect(sealed.includes('<secret/>')).toBe(false);
});

test.each([
  ['nothing', Buffer.alloc(0)],
  ['plain text', Buffer.from('<s:Envelope/>')],
  ['a reflected message', sealMessage(new NtlmSecurity(Buffer.alloc(16, 1)), Buffer.from('<a/>'))],
  ['a short one', sealMessage(new NtlmSecurity(Buffer.alloc(16, 1)), Buffer.from('<a/>')).subarray(0, 240)],
])('%s is not taken for a sealed answer', (_name, body) => {
  expect(unsealMessage(new NtlmSecurity(Buffer.alloc(16, 1)), body)).toBeUndefined();
});

test('the channel binding is the hash of the certificate by its own signature hash', async () => {
  const { cert } = await issueCertificate(await createAuthority(), 'guest.lab');
  const der = new X509Certificate(cert).raw;
  const expected = createHash('sha256').update(der).digest();

  expect(tlsServerEndPoint(der)).toEqual(Buffer.concat([Buffer.from('tls-server-end-point:'), expected]));
});
