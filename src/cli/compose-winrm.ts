import type { GuestConfig } from '../config/schema.ts';
import { resolveSecret } from '../config/secrets.ts';
import type { KeytabLogins } from '../guest/windows/winrm/kerberos/keytab-logins.ts';
import { findServiceTicket } from '../guest/windows/winrm/kerberos/service-ticket.ts';
import type { WinRmLogin } from '../guest/windows/winrm-access.ts';
import type { Clock } from '../ports/clock.ts';
import { readTrusted } from './compose-trust.ts';

type WinRm = NonNullable<GuestConfig['winrm']>;

/** Who logs in, for people; a certificate stands for an account that only the guest knows. */
export const winRmAccount = ({ username, certificate }: WinRm): string =>
  username ?? `certificate ${certificate?.file ?? ''}`;

/** How the configuration says that a session logs in. The schema has seen to it that what a way needs is there. */
export function winRmLogin(winrm: WinRm, host: string, clock: Clock, keytabs: KeytabLogins): WinRmLogin {
  const { authentication, certificate, kerberos, password = '' } = winrm;
  const username = winRmAccount(winrm);
  switch (authentication) {
    case 'kerberos':
      return {
        authentication,
        username,
        ticket: (signal) => findServiceTicket({ principal: username, host, ...kerberos }, clock.now(), signal, keytabs),
      };
    case 'certificate':
      return { authentication, username, identity: () => identityOf(certificate) };
    default:
      return { authentication, username, password: () => resolveSecret(password) };
  }
}

async function identityOf({ file, key, passphrase }: NonNullable<WinRm['certificate']> = { file: '', key: '' }) {
  return {
    cert: readTrusted(file, 'client certificate', 'Check `certificate.file` of the guest.'),
    key: await resolveSecret(key),
    ...(passphrase === undefined ? {} : { passphrase: await resolveSecret(passphrase) }),
  };
}
