import { linkSync, mkdirSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { imageFiles } from '../../src/image/image-files.ts';
import { linuxFileTrees } from '../../src/proxy/linux/file-trees.ts';
import { failure } from '../failure.ts';
import { emptyImage, MIB, makeFileSystem, SIZE_BYTES } from './disk-image.ts';
import { must, newFolder } from './stage.ts';

const never = new AbortController().signal;

test('files that have holes or several names are restored to where there is room for what is in them', async () => {
  const root = newFolder('source');
  mkdirSync(path.join(root, 'app'));
  writeFileSync(path.join(root, 'app/data'), Buffer.alloc(6 * MIB, 'data'));
  linkSync(path.join(root, 'app/data'), path.join(root, 'app/same'));
  writeFileSync(path.join(root, 'app/holes'), 'x');
  truncateSync(path.join(root, 'app/holes'), 32 * MIB);
  const small = newFolder('small');
  must('mount', ['-t', 'tmpfs', '-o', 'size=10m', 'tmpfs', small]);
  try {
    const copy = (name: string) =>
      linuxFileTrees.copy({ root, names: ['app'] }, path.join(small, name), () => undefined, never);

    expect(await copy('first')).toMatchObject({ files: 3, sizeBytes: 44 * MIB });

    expect(await failure(copy('second'))).toMatchObject({
      code: 'E_PROXY_SPACE',
      message: expect.stringMatching(/bytes free, the files need 62\d{5}$/),
    });
    expect(readdirSync(path.join(small, 'second'))).toEqual([]);
  } finally {
    must('umount', [small]);
  }
});

test('of the folders of an image those go that are empty, and none at which another file system begins', async () => {
  const folder = newFolder('subvolumes');
  const disk = path.join(folder, 'disk');
  const whole = { offsetBytes: 0, sizeBytes: SIZE_BYTES.btrfs };
  emptyImage(disk, SIZE_BYTES.btrfs);
  makeFileSystem(disk, whole, 'btrfs');
  const directory = newFolder('export');
  must('mount', ['-o', 'loop', disk, directory]);
  try {
    mkdirSync(path.join(directory, 'ours/vm'), { recursive: true });
    must('btrfs', ['subvolume', 'create', path.join(directory, 'theirs')]);
    const unwanted = ['ours/vm/one.raw', 'theirs/two.raw'].map((name) => ({ path: name, sizeBytes: undefined }));

    await imageFiles.remove(directory, unwanted, never);

    expect(readdirSync(directory)).toEqual(['theirs']);
  } finally {
    must('umount', [directory]);
  }
});
