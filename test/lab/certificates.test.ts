import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { createAuthority, issueCertificate } from '../../src/lab/world/certificates.ts';

const get = (port: number, ca: string) =>
  new Promise<number | undefined>((resolve, reject) => {
    https.get({ host: '127.0.0.1', port, ca }, (response) => resolve(response.statusCode)).on('error', reject);
  });

test('a client that trusts the lab authority reaches a lab server, one that trusts another authority does not', async () => {
  const authority = await createAuthority();
  const stranger = await createAuthority('another CA');
  const server = https.createServer(await issueCertificate(authority, 'vcenter.lab'), (_request, response) =>
    response.end('ok'),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  const trusted = await get(port, authority.certificate);
  const untrusted = get(port, stranger.certificate);

  expect(trusted).toBe(200);
  await expect(untrusted).rejects.toThrow(/certificate/);
  server.close();
});
