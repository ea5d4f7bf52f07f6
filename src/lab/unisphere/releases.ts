/** Releases of Unisphere the lab can be. */
export type UnisphereRelease = '9.2' | '10.0' | '10.1' | '10.2' | '10.3' | '10.4';

export interface ReleaseFacts {
  /** As `GET /version` spells it. */
  readonly version: string;
  /** Endpoint versions this release answers, its own first; every other one is a 404. */
  readonly supported: readonly number[];
  /** 9.x answers `version` alone. */
  readonly tellsApiVersions: boolean;
  /** The enhanced lists under `/univmax/rest/v1` came with 10.1. */
  readonly enhancedLists: boolean;
}

/**
 * 10.0 and 10.1 as published (Unisphere 10.0 OpenAPI; PyU4V). The others follow the same habit, own version and about
 * two older; 100 stays with the later releases because clients that speak only 100 work against them.
 */
export const RELEASES: Readonly<Record<UnisphereRelease, ReleaseFacts>> = {
  '9.2': { version: 'V9.2.3.4', supported: [92, 91, 90], tellsApiVersions: false, enhancedLists: false },
  '10.0': { version: 'V10.0.1.12', supported: [100, 92, 91], tellsApiVersions: true, enhancedLists: false },
  '10.1': { version: 'V10.1.0.468', supported: [101, 100, 92], tellsApiVersions: true, enhancedLists: true },
  '10.2': { version: 'V10.2.0.9', supported: [102, 101, 100], tellsApiVersions: true, enhancedLists: true },
  '10.3': { version: 'V10.3.0.5', supported: [103, 102, 101, 100], tellsApiVersions: true, enhancedLists: true },
  '10.4': { version: 'V10.4.0.2', supported: [104, 103, 102, 101, 100], tellsApiVersions: true, enhancedLists: true },
};

export const ownApiVersion = (facts: ReleaseFacts): number => facts.supported[0] ?? 0;

/** Major part of the array microcode of PowerMax 2500 and 8500. */
const FIRST_V4_MICROCODE = 6079;
/** From this microcode on snapshots have a snap id, and 1024 of them fit on one source. */
const FIRST_WITH_SNAP_IDS = [5978, 669] as const;

const SNAPSHOTS_PER_SOURCE = 1024;
const SNAPSHOTS_PER_SOURCE_BEFORE = 256;

const numbersOf = (microcode: string): readonly number[] => microcode.split('.').map(Number);

export const isV4 = (microcode: string): boolean => (numbersOf(microcode)[0] ?? 0) >= FIRST_V4_MICROCODE;

export function hasSnapIds(microcode: string): boolean {
  const [major = 0, minor = 0] = numbersOf(microcode);
  return major > FIRST_WITH_SNAP_IDS[0] || (major === FIRST_WITH_SNAP_IDS[0] && minor >= FIRST_WITH_SNAP_IDS[1]);
}

/** The most snapshots one source can have. */
export const maxSnapshotsPerSource = (microcode: string): number =>
  hasSnapIds(microcode) ? SNAPSHOTS_PER_SOURCE : SNAPSHOTS_PER_SOURCE_BEFORE;
