import { geometryOf, vmdkDescriptor } from '../../../src/image/vmdk-descriptor.ts';

const GIB = 1024 ** 3;
const hash = (value: string) => ({ algorithm: 'blake2b-512-tree', leafBytes: 4 * 1024 * 1024, value }) as const;
const disk = { sizeBytes: 40 * GIB, extentName: 'hard-disk-1-flat.vmdk', contentHash: hash('0123456789abcdef') };

test.each([
  [GIB / 2, { cylinders: 512, heads: 64, sectors: 32 }],
  [2 * GIB, { cylinders: 1024, heads: 128, sectors: 32 }],
  [40 * GIB, { cylinders: 5221, heads: 255, sectors: 63 }],
])('a disk of %d bytes has the geometry VMware gives it', (sizeBytes, geometry) => {
  expect(geometryOf(sizeBytes)).toEqual(geometry);
});

test('the descriptor of a flat VMDK names its extent with its sectors, and its content id follows the content', () => {
  const lines = vmdkDescriptor('monolithicFlat', disk).split('\n');

  expect(lines).toContain('RW 83886080 FLAT "hard-disk-1-flat.vmdk" 0');
  expect(lines).toContain('CID=01234567');
  expect(vmdkDescriptor('monolithicFlat', { ...disk, contentHash: hash('f'.repeat(128)) })).toMatch(/^CID=fffffffd$/m);
});

test('a name that would end its quotes never gets into a descriptor', () => {
  const extentName = 'a" 0\nRW 1 FLAT "/etc/passwd';

  expect(() => vmdkDescriptor('monolithicFlat', { ...disk, extentName })).toThrow(TypeError);
});
