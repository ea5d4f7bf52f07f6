import { spawnSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import ssh2 from 'ssh2';
import { fingerprintOf, judgeHostKey, knownKeyTypes } from '../../../../src/guest/ssh/host-keys.ts';

const key = (line: string) => Buffer.from(line.split(' ')[1] ?? '', 'base64');
const makeLine = () => ssh2.utils.generateKeyPairSync('ecdsa', { bits: 256 }).public.split(' ').slice(0, 2).join(' ');
const RIGHT = makeLine();
const OTHER = makeLine();
const AT = { host: 'pg01.example.com', port: 22 };
const AT_2222 = { host: 'pg01.example.com', port: 2222 };

const hashed = (name: string) => {
  const salt = Buffer.alloc(20, 7);
  return `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(name).digest('base64')}`;
};
const judge = (text: string, address = AT, shown = RIGHT) =>
  judgeHostKey({ kind: 'known-hosts', text }, address, key(shown));

test.each([
  ['its name', `pg01.example.com ${RIGHT}`, AT],
  ['one name of several', `10.0.0.7,pg01.example.com ${RIGHT} a comment`, AT],
  ['a pattern', `*.example.com ${RIGHT}`, AT],
  ['upper case', `PG01.Example.COM ${RIGHT}`, AT],
  ['a hashed name', `${hashed('pg01.example.com')} ${RIGHT}`, AT],
  ['name and port', `[pg01.example.com]:2222 ${RIGHT}`, AT_2222],
  ['a hashed name with port', `${hashed('[pg01.example.com]:2222')} ${RIGHT}`, AT_2222],
  ['a second key', `pg01.example.com ${OTHER}\r\npg01.example.com ${RIGHT}`, AT],
])('a host key is trusted when known_hosts has it under %s', (_name, text, address) => {
  expect(judge(`# comment\n\n${text}\n`, address)).toEqual({ trusted: true });
});

test.each([
  ['an empty file', '', AT, /has no key for "pg01.example.com"/],
  ['another host', `pg02.example.com ${RIGHT}`, AT, /no key/],
  ['the same host on another port', `pg01.example.com ${RIGHT}`, AT_2222, /no key for "\[pg01.example.com\]:2222"/],
  ['a pattern that excludes it', `*.example.com,!pg01.example.com ${RIGHT}`, AT, /no key/],
  ['a name that only looks alike', `pg01xexample.com ${RIGHT}`, AT, /no key/],
  ['another key', `pg01.example.com ${OTHER}`, AT, /another key/],
  ['the key as revoked', `pg01.example.com ${RIGHT}\n@revoked * ${RIGHT}`, AT, /revoked/],
  ['the key of an authority', `@cert-authority * ${RIGHT}`, AT, /no key/],
  ['a comment', `# pg01.example.com ${RIGHT}`, AT, /no key/],
  ['half a line', 'pg01.example.com ssh-ed25519', AT, /no key/],
  ['a hash of a later kind', `|2|AAAA|AAAA ${RIGHT}`, AT, /no key/],
])('a host key is refused when known_hosts has %s', (_name, text, address, reason) => {
  expect(judge(text, address)).toEqual({
    trusted: false,
    reason: expect.stringMatching(reason),
    fingerprint256: fingerprintOf(key(RIGHT)),
  });
});

test('only a fingerprint that is listed is trusted', () => {
  const fingerprints = [fingerprintOf(key(OTHER)), fingerprintOf(key(RIGHT))];

  expect(judgeHostKey({ kind: 'fingerprints', fingerprints }, AT, key(RIGHT)).trusted).toBe(true);
  expect(judgeHostKey({ kind: 'fingerprints', fingerprints: fingerprints.slice(0, 1) }, AT, key(RIGHT))).toMatchObject({
    trusted: false,
    reason: expect.stringMatching(/hostKeys/),
  });
});

test('a host is asked for the types of key that are known of it', () => {
  const text = `pg01.example.com ${RIGHT}\npg01.example.com ssh-rsa AAAA\nother ecdsa-sha2-nistp256 AAAA`;

  expect(knownKeyTypes({ kind: 'known-hosts', text }, AT)).toEqual(['ecdsa-sha2-nistp256', 'ssh-rsa']);
  expect(knownKeyTypes({ kind: 'fingerprints', fingerprints: [] }, AT)).toEqual([]);
});

test("the fingerprint and the hashed names are those of OpenSSH's own ssh-keygen", () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'snaphook-keys-'));
  try {
    const file = path.join(folder, 'known_hosts');
    writeFileSync(file, `[pg01.example.com]:2222 ${RIGHT}\n`);
    const shown = spawnSync('ssh-keygen', ['-lf', file], { encoding: 'utf8' });
    // Machines without OpenSSH have nothing to compare with; the other tests have the format by heart.
    if (shown.error) return;
    expect(shown.stdout).toContain(fingerprintOf(key(RIGHT)));
    expect(spawnSync('ssh-keygen', ['-H', '-f', file]).status).toBe(0);
    const text = readFileSync(file, 'utf8');
    expect(text).toMatch(/^\|1\|/);
    expect(judge(text, AT_2222)).toEqual({ trusted: true });
    expect(judge(text, AT).trusted).toBe(false);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
