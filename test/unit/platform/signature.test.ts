import { generateKeyPairSync } from 'node:crypto';
import { isSignatureOf, signText } from '../../../src/platform/signature.ts';

const TEXT = '{"schema":"snaphook/manifest"}\n';
const pems = (kind: 'ed25519' | 'x25519') => {
  const { privateKey, publicKey } = generateKeyPairSync(kind as 'ed25519'); // both have the same form
  return {
    privatePem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  };
};

test('a text is what its owner signed, another text or another owner is not', () => {
  const [own, other] = [pems('ed25519'), pems('ed25519')];
  const signature = signText(own.privatePem, TEXT);

  expect(isSignatureOf(own.publicPem, TEXT, `${signature}\n`)).toBe(true);
  expect(isSignatureOf(own.publicPem, `${TEXT} `, signature)).toBe(false);
  expect(isSignatureOf(other.publicPem, TEXT, signature)).toBe(false);
  expect(isSignatureOf(own.publicPem, TEXT, 'no signature')).toBe(false);
});

test('another kind of key is refused by its kind, and nothing of it is told', () => {
  const { privatePem } = pems('x25519');
  const secret = privatePem.split('\n')[1] ?? '';

  expect(() => signText(privatePem, TEXT)).toThrow(/kind "x25519"/);
  expect(() => signText(secret, TEXT)).toThrow(/^it is no private key in PEM$/);
});
