/** A name in a realm of Kerberos. */
export interface Principal {
  readonly realm: string;
  /** RFC 4120 6.2; carried along as the cache has it. */
  readonly nameType: number;
  readonly components: readonly string[];
}

export const formatPrincipal = ({ realm, components }: Principal): string => `${components.join('/')}@${realm}`;
