import { manifestSchema } from '../../../src/cli/manifest-schema.ts';

const { contentHash } = manifestSchema.shape.images.element.shape;
const HASH = { algorithm: 'blake2b-512-tree', leafBytes: 65_536, value: 'ab'.repeat(64) };

test('a hash in a manifest is of leaves that are neither tiny nor huge', () => {
  expect(contentHash.safeParse(HASH).success).toBe(true);
  for (const change of [{ leafBytes: 65_535 }, { leafBytes: 2 ** 28 + 1 }, { value: 'ab' }, { value: 'AB'.repeat(64) }])
    expect(contentHash.safeParse({ ...HASH, ...change }).success).toBe(false);
});
