// Gathers in build/qemu what the guest of test/qemu boots from: kernel, initramfs, and the Debian packages it needs
// beyond this machine's own. Nothing but QEMU itself is installed here: the rest is unpacked where only the guest sees it.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { aptGet, installPackages, must, needRoot } from './debian.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const guestScripts = path.join(root, 'test/qemu/guest');
const folder = path.join(root, 'build/qemu');
const packages = path.join(folder, 'packages');

/** In the guest beside the host's files: a server to log in to, and the programs that make file systems. */
const GUEST_PACKAGES = ['openssh-server', 'xfsprogs', 'btrfs-progs', 'e2fsprogs', 'fdisk'];

/** What the guest loads, each after what it depends on. `crc32c_generic`: the file systems ask for it by name of the algorithm only. */
const MODULES = [
  ...['virtio_pci', 'virtio_net', 'virtio_scsi', 'sd_mod', '9pnet_virtio', '9p', 'overlay'],
  ...['crc32c_generic', 'ext4', 'xfs', 'btrfs'],
];

/** Parts of the kernel package that hold these modules and what they depend on. */
const KERNEL_PARTS = [
  'boot/vmlinuz-*',
  ...['block', 'crypto', 'drivers/net', 'drivers/scsi', 'drivers/virtio', 'fs', 'lib', 'net/9p', 'net/core'].map(
    (part) => `lib/modules/*/kernel/${part}/*`,
  ),
];

/** Returns the folder with `kernel`, `initramfs` and `packages/`; throws why it cannot be had. */
export function prepareQemuGuest() {
  if (process.platform !== 'linux' || process.arch !== 'x64' || !existsSync('/etc/debian_version')) {
    throw new Error('needs Debian on amd64');
  }
  installPackages(['qemu-system-x86', 'openssh-client', 'e2fsprogs']);
  if (!existsSync(packages)) unpackPackages();
  buildInitramfs();
  return folder;
}

/** Cached: only when everything is unpacked the folder gets its name. */
function unpackPackages() {
  const purpose = "download the guest's packages";
  needRoot(purpose);
  const debs = path.join(folder, 'debs');
  const partial = path.join(folder, 'packages.partial');
  for (const stale of [debs, partial]) rmSync(stale, { recursive: true, force: true });
  mkdirSync(path.join(debs, 'partial'), { recursive: true });
  const cache = ['-o', `Dir::Cache::archives=${debs}`, '-o', 'APT::Sandbox::User=root'];
  const options = ['--download-only', '--no-install-recommends'];
  aptGet([...cache, ...options, 'install', ...GUEST_PACKAGES], purpose);
  // Alone, without dependencies: a kernel's are for machines that install it.
  const kernel = /^ *Depends: (linux-image-\S+)$/m.exec(must('apt-cache', ['depends', 'linux-image-amd64']))?.[1];
  if (kernel === undefined) throw new Error('apt-cache knows no kernel');
  must('apt-get', ['download', '-q', '-o', 'APT::Sandbox::User=root', kernel, 'busybox-static'], { cwd: debs });

  // The tree has the shape of a merged /usr, as the host below it: a real /lib would hide the host's.
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
    mkdirSync(path.join(partial, 'usr', name), { recursive: true });
    symlinkSync(`usr/${name}`, path.join(partial, name));
  }
  for (const deb of readdirSync(debs).filter((name) => name.endsWith('.deb'))) {
    const parts = deb.startsWith('linux-image') ? KERNEL_PARTS.map((part) => `./${part}`) : [];
    const unpack = 'set -f; dpkg-deb --fsys-tarfile "$1" | tar -x --keep-directory-symlink --wildcards -C "$2" -- $3';
    must('bash', ['-o', 'pipefail', '-c', unpack, 'bash', path.join(debs, deb), partial, parts.join(' ')]);
  }
  rmSync(debs, { recursive: true });
  rmSync(path.join(folder, 'initramfs'), { force: true });
  renameSync(partial, packages);
}

/** Built when it is older than what it is built from. */
function buildInitramfs() {
  const initramfs = path.join(folder, 'initramfs');
  const sources = [path.join(guestScripts, 'init'), path.join(guestScripts, 'setup'), fileURLToPath(import.meta.url)];
  if (existsSync(initramfs) && [packages, ...sources].every((source) => mtimeMs(source) <= mtimeMs(initramfs))) return;
  const tree = path.join(folder, 'initramfs.tree');
  rmSync(tree, { recursive: true, force: true });
  for (const name of ['bin', 'modules']) mkdirSync(path.join(tree, name), { recursive: true });
  const busybox = path.join(packages, 'bin/busybox');
  copyFileSync(busybox, path.join(tree, 'bin/busybox'));
  const modules = modulesInOrder();
  for (const file of modules) copyFileSync(file, path.join(tree, 'modules', path.basename(file)));
  writeFileSync(path.join(tree, 'modules/order'), `${modules.map((file) => path.basename(file)).join('\n')}\n`);
  for (const script of ['init', 'setup']) {
    copyFileSync(path.join(guestScripts, script), path.join(tree, script));
    chmodSync(path.join(tree, script), 0o755);
  }
  const pack = 'find . | "$1" cpio -o -H newc';
  const { status, stdout } = spawnSync('sh', ['-c', pack, 'sh', busybox], { cwd: tree, maxBuffer: 256 * 1024 * 1024 });
  if (status !== 0) throw new Error('the initramfs could not be packed');
  rmSync(tree, { recursive: true });
  const [kernel] = readdirSync(path.join(packages, 'boot')).filter((name) => name.startsWith('vmlinuz-'));
  copyFileSync(path.join(packages, 'boot', kernel), path.join(folder, 'kernel'));
  // Last: it tells that everything is there.
  writeFileSync(initramfs, gzipSync(stdout, { level: 1 }));
}

const mtimeMs = (file) => statSync(file).mtimeMs;

/** The modules' files, dependencies first, from what the modules say of themselves: depmod need not be installed. */
function modulesInOrder() {
  const files = new Map();
  for (const entry of readdirSync(path.join(packages, 'lib/modules'), { recursive: true })) {
    const name = /([^/]+)\.ko$/.exec(String(entry))?.[1];
    if (name !== undefined) files.set(name.replaceAll('-', '_'), path.join(packages, 'lib/modules', String(entry)));
  }
  const ordered = new Set();
  const add = (name) => {
    const file = files.get(name);
    if (file === undefined) throw new Error(`the kernel has no module ${name}`);
    if (ordered.has(file)) return;
    for (const dependency of dependenciesOf(file)) add(dependency);
    ordered.add(file);
  };
  MODULES.forEach(add);
  return [...ordered];
}

function dependenciesOf(file) {
  const [, names] = /\0depends=([^\0]*)\0/.exec(readFileSync(file, 'latin1')) ?? [];
  return names ? names.split(',').map((name) => name.replaceAll('-', '_')) : [];
}
