/**
 * Releases of the namespace `urn:vim25`, oldest first, as clients name them in SOAPAction and as
 * `/sdk/vimServiceVersions.xml` lists them. Source: vSphere API version list.
 */
const RELEASES = [
  '2.5',
  '2.5u2',
  '2.5u2server',
  '4.0',
  '4.1',
  '5.0',
  '5.1',
  '5.5',
  '6.0',
  '6.5',
  '6.7',
  '6.7.1',
  '6.7.2',
  '6.7.3',
  '6.8.7',
  '6.9.1',
  '7.0',
  '7.0.0.0',
  '7.0.0.2',
  '7.0.1.0',
  '7.0.1.1',
  '7.0.2.0',
  '7.0.2.1',
  '7.0.3.0',
  '7.0.3.1',
  '7.0.3.2',
  '8.0.0.0',
  '8.0.0.1',
  '8.0.0.2',
  '8.0.1.0',
  '8.0.2.0',
  '8.0.3.0',
  '9.0.0.0',
  '9.1.0.0',
] as const;

/** Place of a release in time: a property of rank r is known to a client that speaks rank >= r. */
export type VersionRank = number;

export const OLDEST_VERSION: VersionRank = 0;

export function rankOf(release: string): VersionRank | undefined {
  const rank = (RELEASES as readonly string[]).indexOf(release);
  return rank < 0 ? undefined : rank;
}

function releaseAt(rank: VersionRank): string {
  return RELEASES[rank] ?? RELEASES[0];
}

/** Everything a server of that release speaks, newest first. */
export function releasesUpTo(rank: VersionRank): readonly string[] {
  return RELEASES.slice(0, rank + 1).reverse();
}

/** The server's own name of a release, as it appears in its messages: `vim.version.v8_0_3_0`. */
export function versionName(rank: VersionRank): string {
  return `vim.version.v${releaseAt(rank).replaceAll('.', '_')}`;
}
