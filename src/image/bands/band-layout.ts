/** What the bands of a folder are; there only while they are those of one snapshot. */
export const INDEX_NAME = 'index.json';
/** Whose the folder is. */
export const OWNER_NAME = 'owner.json';
/** Bands that differ from the export before, one path a line. */
export const CHANGED_NAME = 'changed.list';
/** Folder of bands that have not taken their places yet. */
export const STAGING_NAME = 'next';
/** In the hand-over directory: what is staged is about to take its place. */
export const COMMIT_NAME = 'snaphook-bands-commit.json';

/** Size of a disk, and of its bands. */
export interface BandShape {
  readonly sizeBytes: number;
  readonly bandBytes: number;
}

export const bandCount = ({ sizeBytes, bandBytes }: BandShape): number => Math.ceil(sizeBytes / bandBytes);

/** The last one may be shorter. */
export const bandLength = ({ sizeBytes, bandBytes }: BandShape, band: number): number =>
  Math.min(bandBytes, sizeBytes - band * bandBytes);

/** `00012/00012345.band`: a thousand bands a folder, so that none grows too large to be read at once. */
export function bandPath(band: number): string {
  const digits = String(band).padStart(8, '0');
  return `${digits.slice(0, -3)}/${digits}.band`;
}

export const isShardName = (name: string): boolean => /^\d{5,13}$/.test(name);

/** The band of a path; undefined for any other path. */
export function bandAt(path: string): number | undefined {
  const [, digits] = /^\d{5,13}\/(\d{8,16})\.band$/.exec(path) ?? [];
  const band = Number(digits);
  return digits !== undefined && Number.isSafeInteger(band) && bandPath(band) === path ? band : undefined;
}
