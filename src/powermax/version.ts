import { SnaphookError } from '../ports/errors.ts';
import { type Body, list, text } from './schema.ts';

/** Endpoints this client was written for; Unisphere serves its own and about two older ones. */
const KNOWN_ENDPOINTS: readonly number[] = [92, 100, 101, 102, 103, 104];
/** From 10.1 on: bulk reads under `/univmax/rest/v1`. */
const FIRST_WITH_BULK_READS = 101;
/** Snap ids came with this microcode (5978.669.669), and 1024 snapshots of one source instead of 256. */
const FIRST_WITH_SNAP_IDS = [5978, 669] as const;
/** 5978 is VMAX3 to PowerMax 8000; from 6079 on (PowerMax 2500/8500) links are never defined in the background. */
const FIRST_V4_MICROCODE = 6079;

export interface UnisphereVersion {
  /** As the server tells it, such as `T10.1.0.468`. */
  readonly unisphere: string;
  /** The `{version}` part of the paths we use, for example 103. */
  readonly endpoint: number;
  readonly bulkReads: boolean;
}

/** `V10.3.0.1` or `T10.1…`: a letter for the kind of release, then numbers; 10.3 makes endpoint 103, 9.2 makes 92. */
export function endpointOf(release: string): number | undefined {
  const match = /^[A-Z](\d+)\.(\d+)/.exec(release);
  return match ? Number(`${match[1]}${match[2]}`) : undefined;
}

/** Chooses the newest endpoint that server and client both know; 9.x servers do not list theirs. */
export function negotiate(answer: Body): UnisphereVersion {
  const unisphere = text(answer, 'version') ?? '';
  const listed = list(answer, 'supported_api_versions', 'supportedApiVersions').map(Number);
  const own = Number(text(answer, 'api_version', 'apiVersion') ?? endpointOf(unisphere));
  const offered = listed.length > 0 ? listed : [own];
  const endpoint = Math.max(...KNOWN_ENDPOINTS.filter((known) => offered.includes(known)));
  if (!Number.isFinite(endpoint)) {
    throw new SnaphookError(
      'E_ARRAY_VERSION',
      `Unisphere "${unisphere || 'unknown version'}" offers API ${offered.join(', ')}, none of which this client knows`,
      { hint: `Use Unisphere 9.2 to 10.4 (API ${KNOWN_ENDPOINTS.join(', ')}), or a newer snaphook.` },
    );
  }
  return versionWith(unisphere, endpoint);
}

const versionWith = (unisphere: string, endpoint: number): UnisphereVersion => ({
  unisphere,
  endpoint,
  bulkReads: endpoint >= FIRST_WITH_BULK_READS,
});

/** What a journal kept of a version; undefined for an endpoint this client does not know. */
export function recalledVersion(facts: {
  readonly unisphereVersion: string;
  readonly apiVersion: string;
}): UnisphereVersion | undefined {
  const endpoint = Number(facts.apiVersion);
  return KNOWN_ENDPOINTS.includes(endpoint) ? versionWith(facts.unisphereVersion, endpoint) : undefined;
}

export function generationOf(microcode: string): 'V3' | 'V4' {
  return Number(/^\d+/.exec(microcode)?.[0] ?? 0) >= FIRST_V4_MICROCODE ? 'V4' : 'V3';
}

export function hasSnapIds(microcode: string): boolean {
  const [major = 0, minor = 0] = microcode.split('.').map(Number);
  return major > FIRST_WITH_SNAP_IDS[0] || (major === FIRST_WITH_SNAP_IDS[0] && minor >= FIRST_WITH_SNAP_IDS[1]);
}
