import { type Assembled, assemble, type Seat } from '../../../src/proxy/linux/lvm/assemble.ts';
import { lvmChecksum } from '../../../src/proxy/linux/lvm/checksum.ts';
import { parseMetadataText } from '../../../src/proxy/linux/lvm/metadata-text.ts';
import { readPhysicalVolume } from '../../../src/proxy/linux/lvm/physical-volume.ts';
import { parseVolumeGroup } from '../../../src/proxy/linux/lvm/volume-group.ts';

const line = (member: string, first: number, extents: number, start = 0) =>
  `{ start_extent = ${start} extent_count = ${extents} type = "striped" stripe_count = 1 stripes = [ "${member}", ${first} ] }`;
const volume = (name: string, segments: readonly string[], status = '"READ", "WRITE", "VISIBLE"') =>
  `${name} { id = "lv-${name}" status = [ ${status} ] flags = [] segment_count = ${segments.length}\n${segments
    .map((segment, index) => `segment${index + 1} ${segment}`)
    .join('\n')} }`;

/** Extents of 1 MiB, and two members of 10 and of 20. */
function groupText(
  volumes: readonly string[],
  change: { name?: string; id?: string; sequence?: number; flags?: string } = {},
) {
  const { name = 'vg', id = 'group', sequence = 1, flags = '' } = change;
  return `${name} {
    id = "${id}" seqno = ${sequence} format = "lvm2" # informational
    status = ["RESIZEABLE", "READ", "WRITE"] flags = [] extent_size = 2048
    physical_volumes {
      pv0 { id = "aa-0" device = "/dev/sda" status = ["ALLOCATABLE"] flags = [${flags}] pe_start = 2048 pe_count = 10 }
      pv1 { id = "bb-1" device = "/dev/sdb" status = ["ALLOCATABLE"] flags = [] pe_start = 2048 pe_count = 20 }
    }
    logical_volumes { ${volumes.join('\n')} }
  }
  contents = "Text Format Volume Group"
  version = 1
  description = "Write from \\"lvcreate {\\"."
  creation_time = 1795696104 # Thu
  `;
}

const MIB = 1024 * 1024;
const seat = (uuid: string, texts: readonly string[], change: Partial<Seat['volume']> = {}): Seat => ({
  offsetBytes: 5 * MIB,
  sizeBytes: 30 * MIB,
  volume: { uuid, texts, damagedAreas: 0, emptyAreas: 0, ...change },
});
const told = ({ told, volumes }: Assembled) => [
  told.state,
  ...volumes.map(({ logicalVolume, at }) => [
    logicalVolume.name,
    'state' in at ? `${at.state}: ${at.why}` : [at.offsetBytes / MIB, at.sizeBytes / MIB],
  ]),
];
/** Of a group on two members that are both there, what is told with the first. */
const onFirst = (volumes: readonly string[]) => {
  const own = seat('aa0', [groupText(volumes)]);
  return told(assemble(own, [own, seat('bb1', [])]));
};

test('a volume in one piece lies where extents, start of data and partition add up to', () => {
  expect(onFirst([volume('a', [line('pv0', 2, 3)])])).toEqual(['no-files', ['a', [5 + 1 + 2, 3]]]);
});

test('pieces that follow one another on the disk are one; others are told as what they are', () => {
  expect(
    onFirst([
      volume('grown', [line('pv0', 0, 2), line('pv0', 2, 3, 2)]),
      volume('apart', [line('pv0', 5, 2), line('pv0', 8, 1, 2)]),
      volume('over-both', [line('pv0', 7, 1), line('pv1', 0, 1, 1)]),
      volume('elsewhere', [line('pv1', 1, 1)]),
    ]),
  ).toEqual([
    'no-files',
    ['grown', [6, 5]],
    ['apart', expect.stringMatching(/^unreadable: .*2 pieces/)],
    ['over-both', expect.stringMatching(/^unreadable: .*2 pieces/)],
  ]);
});

test('what LVM makes of other volumes is told by its kind; pools hold no files, and what is hidden is not told', () => {
  const other = (type: string) => `{ start_extent = 0 extent_count = 2 type = "${type}" }`;
  expect(
    onFirst([
      volume('thin', [other('thin')]),
      volume('mirrored', [other('raid1')]),
      volume('pool', [other('thin-pool')]),
      volume('striped', [
        '{ start_extent = 0 extent_count = 2 type = "striped" stripe_count = 2 stripes = ["pv0", 0, "pv1", 0] }',
      ]),
      volume('moving', [line('pvmove0', 0, 2)]),
      volume('pool_tdata', [line('pv0', 3, 1)], '"READ", "WRITE"'),
    ]),
  ).toEqual([
    'no-files',
    ['thin', expect.stringMatching(/^unreadable: .*"thin"/)],
    ['mirrored', expect.stringMatching(/^unreadable: .*"raid1"/)],
    ['pool', expect.stringMatching(/^no-files/)],
    ['striped', expect.stringMatching(/^unreadable: .*"striped"/)],
    ['moving', expect.stringMatching(/^unreadable: .*"nested"/)],
  ]);
});

test('the store of a snapshot is no file system; while it is merged its origin is none either', () => {
  const snapshot = (words: string) =>
    volume('snapshot0', [`{ start_extent = 0 extent_count = 2 type = "snapshot" chunk_size = 8 ${words} }`]);
  const both = [volume('origin', [line('pv0', 0, 2)]), volume('store', [line('pv0', 2, 2)])];

  expect(onFirst([...both, snapshot('origin = "origin" cow_store = "store"')])).toEqual([
    'no-files',
    ['origin', [6, 2]],
    ['store', expect.stringMatching(/^unreadable: .*"snapshot"/)],
  ]);
  expect(onFirst([...both, snapshot('origin = "origin" merging_store = "store"')])).toEqual([
    'no-files',
    ['origin', expect.stringMatching(/^unreadable: .*"snapshot"/)],
    ['store', expect.stringMatching(/^unreadable: .*"snapshot"/)],
  ]);
});

test('the text of the latest change counts, wherever it stands', () => {
  const own = seat('aa0', [groupText([volume('old', [line('pv0', 0, 1)])])]);
  const other = seat('bb1', [groupText([volume('new', [line('pv0', 4, 1)])], { sequence: 2 })]);

  expect(told(assemble(own, [own, other]))).toEqual(['no-files', ['new', [10, 1]]]);
});

test('what the group calls missing is missing, although it is there', () => {
  const text = groupText([volume('a', [line('pv0', 0, 1)])], { flags: '"MISSING"' });
  const [own, other] = [seat('aa0', [text]), seat('bb1', [])];

  expect(told(assemble(own, [own, other]))).toEqual(['no-files']);
  expect(told(assemble(other, [own, other]))).toEqual(['no-files', ['a', expect.stringMatching(/^unreadable/)]]);
});

test('a volume that reaches beyond its disk is not read', () => {
  const own = { ...seat('aa0', [groupText([volume('a', [line('pv0', 0, 10)])])]), sizeBytes: 5 * MIB };

  expect(told(assemble(own, [own]))).toEqual(['no-files', ['a', expect.stringContaining('beyond the end')]]);
});

test.each([
  ['nothing is known of its group', seat('aa0', []), [], 'unreadable'],
  ['it is in no group', seat('aa0', [], { emptyAreas: 1 }), [], 'no-files'],
  ['its metadata are damaged', seat('aa0', [], { emptyAreas: 1, damagedAreas: 1 }), [], 'unreadable'],
  [
    'two groups call it theirs',
    seat('aa0', [groupText([])]),
    [seat('bb1', [groupText([], { id: 'other' })])],
    'unreadable',
  ],
  ['the VM has it twice', seat('aa0', [groupText([])]), [seat('aa0', [groupText([])])], 'unreadable'],
] as const)('%s', (_, own, others, state) => {
  expect(assemble(own, [own, ...others]).told.state).toBe(state);
});

test.each([
  ['an open section', 'vg { id = "x"'],
  ['a value that is none', 'a = }'],
  ['a name given twice', 'a = 1\na = 2'],
  ['an open text', 'a = "x'],
  ['a number that no machine counts', 'a = 99999999999999999999'],
  ['sections without an end', 'a {'.repeat(100_000)],
])('a text with %s is not read', (_, text) => {
  expect(parseMetadataText(text)).toBeUndefined();
});

test.each([
  ['a group whose name leads elsewhere', groupText([], { name: '..' })],
  ['segments with a gap', groupText([volume('a', [line('pv0', 0, 1, 3)])])],
  ['extents that the physical volume does not have', groupText([volume('a', [line('pv0', 9, 2)])])],
  ['more segments than there are', groupText(['a { id = "x" status = ["VISIBLE"] segment_count = 9007199254740991 }'])],
  ['another version', groupText([]).replace('version = 1', 'version = 2')],
])('a group of %s is not taken', (_, text) => {
  expect(parseVolumeGroup(text)).toBeUndefined();
});

/** A physical volume whose text begins that far in its area, which holds 1 KiB of text. */
function image(text: string, textAt: number): Buffer {
  const disk = Buffer.alloc(64 * 1024);
  const [areaAt, areaSize] = [4096, 512 + 1024];
  disk.write('LABELONE', 512);
  disk.writeBigUInt64LE(1n, 520);
  disk.writeUInt32LE(32, 532);
  disk.write('LVM2 001', 536);
  disk.write('x'.repeat(32), 544);
  // One data area, the end of the list, one metadata area.
  disk.writeBigUInt64LE(32_768n, 544 + 40);
  disk.writeBigUInt64LE(BigInt(areaAt), 544 + 72);
  disk.writeBigUInt64LE(BigInt(areaSize), 544 + 80);
  disk.writeUInt32LE(lvmChecksum(disk.subarray(532, 1024)), 528);
  const bytes = Buffer.from(`${text}\0`);
  for (const [index, byte] of bytes.entries()) disk[areaAt + 512 + ((textAt - 512 + index) % (areaSize - 512))] = byte;
  disk.write(' LVM2 x[5A%r0N*>', areaAt + 4, 'latin1');
  disk.writeUInt32LE(1, areaAt + 20);
  for (const [index, value] of [areaAt, areaSize, textAt, bytes.length].entries())
    disk.writeBigUInt64LE(BigInt(value), areaAt + 24 + index * 8);
  disk.writeUInt32LE(lvmChecksum(bytes), areaAt + 56);
  disk.writeUInt32LE(lvmChecksum(disk.subarray(areaAt + 4, areaAt + 512)), areaAt);
  return disk;
}

const read = (disk: Buffer) => readPhysicalVolume(async (at, length) => disk.subarray(at, at + length));

test('a text that goes round at the end of its area is read from its start', async () => {
  const text = 'what a group is '.repeat(40);

  for (const at of [512, 1024, 1400])
    expect(await read(image(text, at))).toMatchObject({ texts: [text], damagedAreas: 0 });
});

test('a wrong checksum anywhere is noticed: of the label there is no volume, of header or text there is no text', async () => {
  const spoilt = (at: number) => {
    const disk = image('a = 1', 512);
    disk[at] = 0x99;
    return read(disk);
  };

  expect(await spoilt(600)).toBeUndefined();
  expect(await spoilt(4096 + 100)).toMatchObject({ texts: [], damagedAreas: 1 });
  expect(await spoilt(4096 + 513)).toMatchObject({ texts: [], damagedAreas: 1 });
});
