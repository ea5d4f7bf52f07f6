import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { run } from './run.ts';

export const REALM = 'LAB.EXAMPLE';

export interface Domain {
  readonly folder: string;
  /** What programs of Kerberos need to know of it. */
  readonly environment: Readonly<Record<string, string>>;
  /** Adds a principal and writes its keytab. */
  addPrincipal(name: string): string;
  /** The account gets another key: its keytab has an old one from now on. */
  changeKey(name: string): void;
  close(): void;
}

/** A domain of MIT Kerberos on loopback, in a folder of its own. */
export async function startDomain(): Promise<Domain> {
  const folder = mkdtempSync(path.join(tmpdir(), 'mit-krb5-'));
  const port = await freePort();
  const at = (name: string) => path.join(folder, name);
  writeFileSync(
    at('krb5.conf'),
    `[libdefaults]
default_realm = ${REALM}
dns_lookup_kdc = false
dns_lookup_realm = false
[realms]
${REALM} = {
kdc = 127.0.0.1:${port}
}
`,
  );
  writeFileSync(
    at('kdc.conf'),
    `[kdcdefaults]
kdc_listen = 127.0.0.1:${port}
kdc_tcp_listen = 127.0.0.1:${port}
[realms]
${REALM} = {
database_name = ${at('principal')}
key_stash_file = ${at('stash')}
acl_file = ${at('acl')}
}
[logging]
kdc = FILE:${at('kdc.log')}
`,
  );
  const environment = { KRB5_CONFIG: at('krb5.conf'), KRB5_KDC_PROFILE: at('kdc.conf'), KRB5RCACHENAME: `dfl:` };
  const { KRB5CCNAME: _ours, ...inherited } = process.env;
  const env = { ...inherited, ...environment, KRB5RCACHEDIR: folder };
  run('/usr/sbin/kdb5_util', ['-r', REALM, '-P', 'master', 'create', '-s'], env);
  const kdc: ChildProcess = spawn('/usr/sbin/krb5kdc', ['-n', '-P', at('kdc.pid')], { env, stdio: 'ignore' });
  return {
    folder,
    environment: { ...environment, KRB5RCACHEDIR: folder },
    addPrincipal: (name) => {
      const keytab = at(`${name.replaceAll('/', '-')}.keytab`);
      run('/usr/sbin/kadmin.local', ['-r', REALM, 'addprinc', '-randkey', name], env);
      run('/usr/sbin/kadmin.local', ['-r', REALM, 'ktadd', '-k', keytab, name], env);
      return keytab;
    },
    changeKey: (name) => {
      run('/usr/sbin/kadmin.local', ['-r', REALM, 'change_password', '-randkey', name], env);
    },
    close: () => {
      kdc.kill('SIGTERM');
      rmSync(folder, { recursive: true });
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
