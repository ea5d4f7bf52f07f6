import { type MetadataSection, type MetadataValue, parseMetadataText } from './metadata-text.ts';

export interface VolumeGroup {
  readonly name: string;
  readonly uuid: string;
  /** Grows with every change: of two texts the one with more counts. */
  readonly sequence: number;
  readonly extentBytes: number;
  /** By their names in this text. */
  readonly members: ReadonlyMap<string, Member>;
  /** Those that LVM shows; what it builds them of is left out. */
  readonly volumes: readonly LogicalVolume[];
}

/** A physical volume as its group knows it. */
export interface Member {
  /** Without dashes, as its label has it. */
  readonly uuid: string;
  /** Where its first extent begins. */
  readonly startBytes: number;
  readonly extents: number;
  /** The group went on without it: what is on it may be old. */
  readonly isMissing: boolean;
}

export interface LogicalVolume {
  readonly name: string;
  /** `plain`: its pieces one after the other are its content. */
  readonly made:
    | { readonly of: 'plain'; readonly pieces: readonly Piece[] }
    | { readonly of: 'other'; readonly type: string };
}

/** Extents one after the other on one physical volume. */
export interface Piece {
  readonly member: string;
  readonly firstExtent: number;
  readonly extents: number;
}

const SECTOR_BYTES = 512;
/** As lvm(8) allows them; they become names of folders. */
const NAME = /^(?!\.{1,2}$)[\w.+][\w.+-]{0,126}$/;
/** One stripe is a line. */
const LINES = new Set(['striped', 'linear']);

/** Undefined for a text that is not the metadata of one volume group, in full. */
export function parseVolumeGroup(text: string): VolumeGroup | undefined {
  const root = parseMetadataText(text);
  if (root?.get('contents') !== 'Text Format Volume Group' || root.get('version') !== 1) return undefined;
  const [group, ...others] = [...root].filter((entry): entry is [string, MetadataSection] => isSection(entry[1]));
  if (group === undefined || others.length > 0 || !NAME.test(group[0])) return undefined;
  try {
    return groupOf(...group);
  } catch (error) {
    if (error instanceof Unexpected) return undefined;
    throw error;
  }
}

class Unexpected extends Error {}

function groupOf(name: string, section: MetadataSection): VolumeGroup {
  const extentBytes = numberOf(section, 'extent_size') * SECTOR_BYTES;
  if (extentBytes === 0) throw new Unexpected();
  const members = new Map(
    entriesOf(section, 'physical_volumes').map(([key, member]) => [key, memberOf(member)] as const),
  );
  const all = section.has('logical_volumes') ? entriesOf(section, 'logical_volumes') : [];
  const segments = new Map(all.map(([key, volume]) => [key, segmentsOf(volume)] as const));
  const copies = new Set([...segments.values()].flat().flatMap(partsOfSnapshots));
  const volumes = all.flatMap(([key, volume]): LogicalVolume[] => {
    const own = segments.get(key) ?? [];
    if (!wordsOf(volume, 'status').includes('VISIBLE') || typeOf(own) === 'snapshot') return [];
    if (!NAME.test(key)) throw new Unexpected();
    const made = copies.has(key) ? ({ of: 'other', type: 'snapshot' } as const) : madeOf(own, members);
    return [{ name: key, made }];
  });
  const uuid = textOf(section, 'id');
  return { name, uuid, sequence: numberOf(section, 'seqno'), extentBytes, members, volumes };
}

const memberOf = (section: MetadataSection): Member => ({
  uuid: textOf(section, 'id').replaceAll('-', ''),
  startBytes: numberOf(section, 'pe_start') * SECTOR_BYTES,
  extents: numberOf(section, 'pe_count'),
  isMissing: wordsOf(section, 'flags').includes('MISSING') || wordsOf(section, 'status').includes('MISSING'),
});

/** In their order, without a gap. */
function segmentsOf(volume: MetadataSection): readonly MetadataSection[] {
  const segments: MetadataSection[] = [];
  const count = numberOf(volume, 'segment_count');
  for (let next = 0; segments.length < count; ) {
    const segment = volume.get(`segment${segments.length + 1}`);
    if (!isSection(segment) || numberOf(segment, 'start_extent') !== next) throw new Unexpected();
    next += numberOf(segment, 'extent_count');
    segments.push(segment);
  }
  return segments;
}

/**
 * What a snapshot keeps old content in is no file system, although it looks like a plain volume. So it is with what is being
 * merged back: then the origin has only a part of its content, too.
 */
function partsOfSnapshots(segment: MetadataSection): readonly string[] {
  if (segment.get('type') !== 'snapshot') return [];
  const merging = segment.get('merging_store');
  const parts = merging === undefined ? [segment.get('cow_store')] : [merging, segment.get('origin')];
  return parts.map((part) => {
    if (typeof part !== 'string') throw new Unexpected();
    return part;
  });
}

/** The type of the first segment that is no line. */
const typeOf = (segments: readonly MetadataSection[]): string | undefined =>
  segments.map((segment) => textOf(segment, 'type')).find((type) => !LINES.has(type));

function madeOf(segments: readonly MetadataSection[], members: VolumeGroup['members']): LogicalVolume['made'] {
  const type = typeOf(segments);
  if (type !== undefined) return { of: 'other', type };
  const pieces: Piece[] = [];
  for (const segment of segments) {
    if (numberOf(segment, 'stripe_count') !== 1) return { of: 'other', type: 'striped' };
    const [member, firstExtent, ...others] = listOf(segment, 'stripes');
    if (typeof member !== 'string' || typeof firstExtent !== 'number' || others.length > 0) throw new Unexpected();
    const extents = numberOf(segment, 'extent_count');
    const on = members.get(member);
    // Built on another logical volume, as while it is moved.
    if (on === undefined) return { of: 'other', type: 'nested' };
    if (firstExtent < 0 || extents === 0 || firstExtent + extents > on.extents) throw new Unexpected();
    const last = pieces.at(-1);
    if (last?.member === member && last.firstExtent + last.extents === firstExtent)
      pieces.splice(-1, 1, { ...last, extents: last.extents + extents });
    else pieces.push({ member, firstExtent, extents });
  }
  if (pieces.length === 0) throw new Unexpected();
  return { of: 'plain', pieces };
}

const isSection = (value: MetadataValue | undefined): value is MetadataSection => value instanceof Map;

function entriesOf(section: MetadataSection, name: string): readonly (readonly [string, MetadataSection])[] {
  const inner = section.get(name);
  if (!isSection(inner)) throw new Unexpected();
  return [...inner].map(([key, value]) => {
    if (!isSection(value)) throw new Unexpected();
    return [key, value] as const;
  });
}

function numberOf(section: MetadataSection, name: string): number {
  const value = section.get(name);
  if (typeof value !== 'number' || value < 0) throw new Unexpected();
  return value;
}

function textOf(section: MetadataSection, name: string): string {
  const value = section.get(name);
  if (typeof value !== 'string') throw new Unexpected();
  return value;
}

function listOf(section: MetadataSection, name: string): readonly (number | string)[] {
  const value = section.get(name);
  if (!Array.isArray(value)) throw new Unexpected();
  return value;
}

const wordsOf = (section: MetadataSection, name: string): readonly (number | string)[] =>
  section.has(name) ? listOf(section, name) : [];
