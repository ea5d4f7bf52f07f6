import { childOf, childrenOf, parseXml } from '../platform/xml.ts';

/** The newest vim25 schema this client was written against (vSphere API 8.0.3). */
const OWN_VERSION = '8.0.3.0';
/** Spoken by every vCenter this product supports; for servers that do not publish their versions. */
const OLDEST_VERSION = '7.0.0.0';

function compareVersions(left: string, right: string): number {
  const [a, b] = [left, right].map((version) => version.split('.').map(Number));
  for (let index = 0; index < Math.max(a?.length ?? 0, b?.length ?? 0); index += 1) {
    const difference = (a?.[index] ?? 0) - (b?.[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/**
 * The schema version to ask for in every call: the newest that the server offers and this client knows.
 * `document` is the answer to `GET /sdk/vimServiceVersions.xml`, undefined when the server has none.
 */
export function chooseApiVersion(document: string | undefined): string {
  const offered = document === undefined ? [] : offeredVersions(document);
  const usable = offered.filter((version) => compareVersions(version, OWN_VERSION) <= 0).sort(compareVersions);
  return usable.at(-1) ?? offered.sort(compareVersions).at(0) ?? OLDEST_VERSION;
}

function offeredVersions(document: string): string[] {
  try {
    const namespace = childrenOf(parseXml(document), 'namespace').find(
      (candidate) => childOf(candidate, 'name')?.text.trim() === 'urn:vim25',
    );
    const versions = [
      ...childrenOf(namespace, 'version'),
      ...childrenOf(childOf(namespace, 'priorVersions'), 'version'),
    ];
    return versions.map((version) => version.text.trim()).filter((version) => /^\d+(\.\d+)*$/.test(version));
  } catch {
    return [];
  }
}
