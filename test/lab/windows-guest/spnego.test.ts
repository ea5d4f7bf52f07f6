import { type GuestWorld, PASSWORD, startGuestWorld, USER } from './guest-world.ts';
import { authenticateMessage, NtlmClientSession, negotiateMessage } from './ntlm-client.ts';
import { ACTION, sealedBy, soapRequest } from './winrm-client.ts';

const der = (tag: number, ...parts: Buffer[]): Buffer => {
  const content = Buffer.concat(parts);
  const { length } = content;
  return Buffer.concat([Buffer.from(length < 128 ? [tag, length] : [tag, 0x82, length >> 8, length & 255]), content]);
};
const oid = (hex: string) => der(0x06, Buffer.from(hex, 'hex'));
const SPNEGO = oid('2b0601050502');
const KERBEROS = oid('2a864886f712010202');
const NTLM = oid('2b06010401823702020a');

let world: GuestWorld;

beforeAll(async () => {
  world = await startGuestWorld();
});
afterAll(() => world.close());

test.each([
  ['without proof of the mechanism list', [NTLM], false],
  ['with proof of the mechanism list, after which the key streams start anew', [KERBEROS, NTLM], true],
])('NTLM wrapped in SPNEGO logs on and seals, %s', async (_what, offered, withMic) => {
  const connection = world.connect(world.httpUrl);
  const post = (token: Buffer) => connection.post({ Authorization: `Negotiate ${token.toString('base64')}` });
  const answered = (header: string | undefined) =>
    Buffer.from(/^Negotiate (\S+)/.exec(header ?? '')?.[1] ?? '', 'base64');
  const mechanisms = der(0x30, ...offered);
  const negotiate = negotiateMessage();

  const first = await post(
    der(0x60, SPNEGO, der(0xa0, der(0x30, der(0xa0, mechanisms), der(0xa2, der(0x04, negotiate))))),
  );
  const reply = answered(first.headers['www-authenticate']);
  expect(reply[0]).toBe(0xa1);
  const challenge = reply.subarray(reply.indexOf('NTLMSSP\0'));
  const { message, sessionKey } = authenticateMessage(negotiate, challenge, { user: USER, password: PASSWORD });
  const session = new NtlmClientSession(sessionKey);
  const mic = withMic ? session.mechanismListMic(mechanisms) : undefined;
  const second = await post(
    der(0xa1, der(0x30, der(0xa2, der(0x04, message)), ...(mic ? [der(0xa3, der(0x04, mic.own))] : []))),
  );

  expect(second.status).toBe(200);
  const completed = answered(second.headers['www-authenticate']);
  expect(completed.includes(Buffer.from([0x0a, 0x01, 0x00]))).toBe(true);
  if (mic) expect(completed.includes(mic.expected)).toBe(true);
  const exchange = sealedBy(connection, session);
  expect((await exchange(soapRequest(ACTION.delete, ''))).faultCode).toBe(2150858843);
  expect((await exchange(soapRequest(ACTION.delete, ''))).faultCode).toBe(2150858843);
});

test('a wrong proof of the mechanism list is refused', async () => {
  const connection = world.connect(world.httpUrl);
  const post = (token: Buffer) => connection.post({ Authorization: `Negotiate ${token.toString('base64')}` });
  const mechanisms = der(0x30, KERBEROS, NTLM);
  const negotiate = negotiateMessage();
  const first = await post(
    der(0x60, SPNEGO, der(0xa0, der(0x30, der(0xa0, mechanisms), der(0xa2, der(0x04, negotiate))))),
  );
  const reply = Buffer.from((first.headers['www-authenticate'] ?? '').slice('Negotiate '.length), 'base64');
  const challenge = reply.subarray(reply.indexOf('NTLMSSP\0'));
  const { message } = authenticateMessage(negotiate, challenge, { user: USER, password: PASSWORD });

  const second = await post(
    der(0xa1, der(0x30, der(0xa2, der(0x04, message)), der(0xa3, der(0x04, Buffer.alloc(16, 1))))),
  );

  expect(second.status).toBe(401);
});

test('a SPNEGO token that offers only other mechanisms is refused', async () => {
  const token = der(0x60, SPNEGO, der(0xa0, der(0x30, der(0xa0, der(0x30, KERBEROS)))));
  const answer = await world.connect(world.httpUrl).post({ Authorization: `Negotiate ${token.toString('base64')}` });

  expect(answer.status).toBe(401);
});
