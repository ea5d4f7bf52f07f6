import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { burp } from '../../integrations/burp/integration.ts';
import { newFolder } from '../files/stage.ts';
import { type Daemon, install, ownFolder, runAs, startAs } from './machine.ts';
import { openProductSite, type ProductSite, SNAPHOOK_KIND } from './product-site.ts';
import { type Details, detailsOf, withoutDetails } from './tree-details.ts';

const JOB = 'nightly';

let product: ProductSite;
let written: Readonly<Record<string, Details>>;
let server: Daemon;
let client: string;
beforeAll(async () => {
  product = await openProductSite(JOB);
  written = product.inGuest(detailsOf);
  ownFolder('/etc');
  ownFolder('/var/log');
  const [port, statusPort] = await freePorts();
  const config = serverConfig(newFolder('burp'), port, statusPort);
  client = clientConfig(newFolder('burp-client'), port);
  server = startAs('root', ['burp', '-c', config, '-F']);
  await listening(port);
});
afterAll(async () => {
  await server.end();
  await product.close();
});

async function freePorts(): Promise<readonly [number, number]> {
  const servers = [createServer(), createServer()];
  const ports = await Promise.all(
    servers.map(
      (one) =>
        new Promise<number>((resolve) => {
          one.listen(0, '127.0.0.1', () => {
            const address = one.address();
            resolve(typeof address === 'object' && address ? address.port : 0);
          });
        }),
    ),
  );
  await Promise.all(servers.map((one) => new Promise((resolve) => one.close(resolve))));
  return [ports[0] ?? 0, ports[1] ?? 0];
}

/** It makes its certificates first. */
async function listening(port: number): Promise<void> {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const isListening = () => readFileSync('/proc/net/tcp', 'utf8').includes(`0100007F:${hex} 00000000:0000 0A`);
  const endMs = performance.now() + 60_000;
  while (!isListening() && performance.now() < endMs) await new Promise((resolve) => setTimeout(resolve, 50));
  expect(isListening()).toBe(true);
}

function serverConfig(folder: string, port: number, statusPort: number): string {
  const at = (name: string) => path.join(folder, name);
  mkdirSync(at('clients'));
  writeFileSync(at('clients/proxy1'), 'password = pw\n');
  copyFileSync('/etc/burp/CA.cnf', at('CA.cnf'));
  writeFileSync(at('CA.cnf'), readFileSync(at('CA.cnf'), 'utf8').replace(/^CA_DIR.*$/m, `CA_DIR = ${at('CA')}`));
  return write(at('server.conf'), {
    mode: 'server',
    listen: `127.0.0.1:${port}`,
    listen_status: `127.0.0.1:${statusPort}`,
    directory: at('spool'),
    clientconfdir: at('clients'),
    dedup_group: 'global',
    ca_conf: at('CA.cnf'),
    ca_name: 'burpCA',
    ca_server_name: 'burpserver',
    ca_burp_ca: '/usr/sbin/burp_ca',
    ssl_cert_ca: at('ssl_cert_ca.pem'),
    ssl_cert: at('ssl_cert-server.pem'),
    ssl_key: at('ssl_cert-server.key'),
    ssl_dhfile: at('dhfile.pem'),
    pidfile: at('server.pid'),
    keep: '7',
  });
}

function clientConfig(folder: string, port: number): string {
  const at = (name: string) => path.join(folder, name);
  const [hooks = ''] = install(burp, { job: JOB, configFile: product.configFile });
  return write(
    at('client.conf'),
    {
      mode: 'client',
      server: `127.0.0.1:${port}`,
      password: 'pw',
      cname: 'proxy1',
      pidfile: at('client.pid'),
      ca_burp_ca: '/usr/sbin/burp_ca',
      ca_csr_dir: at('CA-client'),
      ssl_cert_ca: at('ssl_cert_ca.pem'),
      ssl_cert: at('ssl_cert-client.pem'),
      ssl_key: at('ssl_cert-client.key'),
      ssl_peer_cn: 'burpserver',
      include: product.exportDirectory,
      cross_all_filesystems: '1',
    },
    `${hooks}\n`,
  );
}

function write(file: string, settings: Readonly<Record<string, string>>, more = ''): string {
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}\n`);
  writeFileSync(file, `${lines.join('')}${more}`);
  return file;
}

const run = (...words: readonly string[]) => runAs('root', ['burp', '-c', client, ...words]);

test(`burp backs up by ${SNAPHOOK_KIND}, without a warning, and what it restores is what the guest wrote`, async () => {
  const backup = await run('-a', 'b');
  expect(backup).toMatchObject({ exitCode: 0, said: expect.stringContaining('is ready in') });
  expect(backup.said).not.toContain('WARNING');
  product.expectNothingLeft();

  const folder = newFolder('restored');
  expect(await run('-a', 'r', '-b', '1', '-d', folder)).toMatchObject({ exitCode: 0 });
  // burp writes holes as zeros.
  const restored = detailsOf(path.join(folder, product.files));
  expect(withoutDetails(restored, 'sparse')).toEqual(withoutDetails(written, 'sparse'));
});

test('a hook that fails ends the backup with one warning that says why, the post hook finds nothing, and nothing is left', async () => {
  const action = { do: 'answer', status: 500, body: '{}' } as const;
  product.site.lab.faults.add({ system: 'array', operation: /POST/, when: 'before', action });

  const failed = await run('-a', 'b');
  product.site.lab.faults.clear();

  expect(failed).toMatchObject({ exitCode: 1, said: expect.stringMatching(/WARNING.*snaphook: .*\[E_ARRAY/) });
  expect(failed.said).not.toContain('E_NO_RUN');
  product.expectNothingLeft();
});
