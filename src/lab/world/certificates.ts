import { generate } from 'selfsigned';

export interface LabAuthority {
  /** PEM certificate clients must trust. */
  readonly certificate: string;
  readonly key: string;
}

export interface LabServerCertificate {
  readonly key: string;
  readonly cert: string;
}

/** A certificate authority of the lab's own: clients verify for real, nothing is switched off. */
export async function createAuthority(name = 'snaphook lab CA'): Promise<LabAuthority> {
  const pem = await generate([{ name: 'commonName', value: name }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, digitalSignature: true, critical: true },
    ],
  });
  return { certificate: pem.cert, key: pem.private };
}

/** A server certificate for loopback and the given names, signed by the authority. */
export async function issueCertificate(authority: LabAuthority, commonName: string): Promise<LabServerCertificate> {
  const pem = await generate([{ name: 'commonName', value: commonName }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    ca: { key: authority.key, cert: authority.certificate },
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: commonName },
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
        ],
      },
    ],
  });
  return { key: pem.private, cert: pem.cert };
}

/** A certificate for clients, with one name. It is valid from now on for a year, unless told otherwise. */
export async function issueClientCertificate(
  authority: LabAuthority,
  name: string,
  validity: { readonly notBeforeDate?: Date; readonly notAfterDate?: Date } = {},
): Promise<{ readonly key: string; readonly cert: string }> {
  const pem = await generate([{ name: 'commonName', value: name }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    ...validity,
    ca: { key: authority.key, cert: authority.certificate },
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'extKeyUsage', clientAuth: true },
      { name: 'subjectAltName', altNames: [{ type: 2, value: name }] },
    ],
  });
  return { key: pem.private, cert: pem.cert };
}
