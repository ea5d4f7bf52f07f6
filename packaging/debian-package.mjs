// The .deb: what a backup proxy needs, without scripts that run at its installation.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { root, version } from '../scripts/bundle-options.mjs';

/** The base's needs: what Node's own page says of its Linux executables. */
const NEEDS = 'libc6 (>= 2.28), libstdc++6, libgcc-s1';

/** Makes it out of what lies in the release folder and the one of plug-ins. `tree` is a folder of its own, made anew. */
export function debianPackage(release, plugIns, tree, secondsSinceEpoch) {
  rmSync(tree, { recursive: true, force: true });
  const put = (target, content, mode = 0o644) => {
    const file = path.join(tree, target);
    mkdirSync(path.dirname(file), { recursive: true });
    if (Buffer.isBuffer(content)) writeFileSync(file, content);
    else copyFileSync(path.join(content.from, content.file), file);
    chmodSync(file, mode);
  };
  const released = (file) => ({ from: release, file });
  put('usr/bin/snaphook', released('snaphook'), 0o755);
  for (const hook of ['pre-backup', 'post-backup']) {
    mkdirSync(path.join(tree, 'usr/lib/snaphook'), { recursive: true });
    symlinkSync('../../bin/snaphook', path.join(tree, 'usr/lib/snaphook', hook));
  }
  if (existsSync(path.join(release, 'snaphook-freeze')))
    put('usr/lib/snaphook/guest/linux-x64/snaphook-freeze', released('snaphook-freeze'), 0o755);
  for (const file of filesOf(path.join(release, 'guest')))
    put(path.join('usr/lib/snaphook/guest', file), { from: path.join(release, 'guest'), file });
  for (const file of readdirSync(plugIns))
    put(`usr/lib/snaphook/guest/plug-ins/${file}`, { from: plugIns, file }, 0o755);
  put('usr/share/man/man1/snaphook.1.gz', gzipSync(readFileSync(path.join(release, 'snaphook.1')), { level: 9 }));
  put('usr/share/bash-completion/completions/snaphook', released('snaphook.bash'));
  const doc = 'usr/share/doc/snaphook';
  put(`${doc}/copyright`, { from: root, file: 'LICENSE' });
  put(`${doc}/THIRD-PARTY-LICENSES.txt`, released('THIRD-PARTY-LICENSES.txt'));
  put(`${doc}/sbom.cdx.json`, released('sbom.cdx.json'));
  // As they lie here, so that their links lead to each other.
  for (const file of ['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'LICENSE', ...pagesBelow('docs', 'integrations')])
    put(`${doc}/${file}`, { from: root, file });
  put(`${doc}/examples/snaphook.yaml`, Buffer.from(exampleConfiguration()));
  put('DEBIAN/control', Buffer.from(control(kibibytes(tree))));
  for (const folder of folders(tree)) chmodSync(folder, 0o755);
  const output = path.join(release, `snaphook_${version}_amd64.deb`);
  // gzip: xz of this size takes a minute more, and is other bytes with another number of threads.
  execFileSync('dpkg-deb', ['--root-owner-group', '-Zgzip', '-z6', '--build', tree, output], {
    stdio: ['ignore', 2, 2],
    env: { ...process.env, SOURCE_DATE_EPOCH: String(secondsSinceEpoch) },
  });
}

const pagesBelow = (...folders) =>
  folders.flatMap((folder) =>
    filesOf(path.join(root, folder))
      .filter((file) => file.endsWith('.md'))
      .map((file) => path.join(folder, file)),
  );

/** Below a folder that need not be there. */
function filesOf(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true }).filter((file) => statSync(path.join(folder, file)).isFile());
}

/** The one that the README goes through line by line. */
function exampleConfiguration() {
  const example = /```yaml\n([\s\S]*?)```/.exec(readFileSync(path.join(root, 'README.md'), 'utf8'))?.[1];
  if (example === undefined) throw new Error('the README has no example of a configuration');
  return example;
}

const entriesOf = (tree) =>
  readdirSync(tree, { recursive: true, withFileTypes: true }).map((entry) => ({
    entry,
    file: path.join(entry.parentPath ?? entry.path, entry.name),
  }));

const folders = (tree) => [
  tree,
  ...entriesOf(tree)
    .filter(({ entry }) => entry.isDirectory())
    .map(({ file }) => file),
];

const kibibytes = (tree) =>
  entriesOf(tree)
    .filter(({ entry }) => entry.isFile())
    .reduce((sum, { file }) => sum + Math.ceil(statSync(file).size / 1024), 0);

const control = (installedKibibytes) => `Package: snaphook
Version: ${version}
Section: admin
Priority: optional
Architecture: amd64
Depends: ${NEEDS}
Installed-Size: ${installedKibibytes}
Maintainer: The snaphook authors <snaphook@localhost>
Description: application-consistent array snapshots for backup products
 Plugs into existing backup products through their pre- and post-backup
 hooks: freezes VMware guests, takes one SnapVX snapshot of their VMAX or
 PowerMax devices, and hands over images.
`;
