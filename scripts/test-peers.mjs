// npm run test:peers [-- NAME ...]: set up, then the third-party programs of test/peers against both sides.
// As root it installs the Debian packages they need; a peer whose packages are missing is skipped and says why.
// Prints a line a check, and at the end `peers: N passed, N failed, N skipped`.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { installPackages, must } from './debian.mjs';
import { helpOnRequest } from './help.mjs';
import { runSuite } from './run-suite.mjs';
import { install, prebuildJest } from './setup.mjs';

helpOnRequest(import.meta.url);

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(path.join(tmpdir(), 'snaphook-peers-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

/** `prepare` returns what the peer's test needs in its environment. */
const PEERS = [
  { name: 'pywinrm', packages: ['python3-winrm'] },
  { name: 'pyvmomi', packages: ['python3-pyvmomi'] },
  { name: 'cinder', packages: ['python3-cinder'] },
  { name: 'gss-ntlmssp', packages: ['gss-ntlmssp', 'python3-gssapi'] },
  { name: 'mit-krb5', packages: ['krb5-kdc', 'krb5-admin-server', 'krb5-user', 'python3-gssapi'] },
  { name: 'nbd', packages: ['libnbd-bin', 'qemu-utils'] },
  { name: 'qemu-img', packages: ['qemu-utils'] },
  { name: 'openssh', packages: ['openssh-client'] },
  { name: 'vcsim', packages: ['golang-go', 'golang-github-vmware-govmomi-dev'], prepare: buildVcsim },
];

function buildVcsim() {
  const program = path.join(folder, 'vcsim');
  must('go', ['build', '-o', program, '.'], {
    cwd: path.join(root, 'test/peers/vcsim'),
    env: { HOME: folder, ...process.env, GO111MODULE: 'off', GOPATH: '/usr/share/gocode' },
  });
  return { VCSIM_PEER: program };
}

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !PEERS.some((peer) => peer.name === name));
if (unknown.length > 0) {
  console.error(`There is no peer ${unknown.join(', ')}. Peers: ${PEERS.map(({ name }) => name).join(', ')}.`);
  process.exit(2);
}
install();
prebuildJest();
const total = { passed: 0, failed: 0, skipped: 0 };
for (const peer of PEERS.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
  console.log(`# ${peer.name}`);
  try {
    installPackages(peer.packages);
  } catch (error) {
    console.log(`skipped ${peer.name}: ${error.message}`);
    total.skipped += 1;
    continue;
  }
  try {
    const { passed, failed, skipped } = await runSuite({
      config: 'jest.peers.config.cjs',
      suites: `test/peers/${peer.name}/`,
      environment: peer.prepare?.(),
    });
    total.passed += passed;
    total.failed += failed;
    total.skipped += skipped;
  } catch (error) {
    console.log(`not ok ${peer.name}: ${error.message}`);
    total.failed += 1;
  }
}
console.log(`peers: ${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exit(total.failed === 0 ? 0 : 1);
