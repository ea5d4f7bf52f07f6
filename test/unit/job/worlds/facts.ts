import type { MemorySite } from './memory-site.ts';

/** What the tests ask `reap` for. */
export const OLDER_THAN_MS = 24 * 3_600_000;

/** What a site holds, one line a thing. */
export function factsOf(site: MemorySite): ReadonlySet<string> {
  const facts: string[] = [];
  for (const array of site.arrays) {
    for (const { source, name, snapId, createdAtMs, targets } of array.snapshots) {
      facts.push(factOf.snapshot(array.id, source, name, snapId), `time of ${snapId} on ${source}: ${createdAtMs}`);
      for (const target of targets) facts.push(factOf.link(array.id, target, name, snapId));
    }
    for (const [id, { groups, wwn: identity }] of array.devices) {
      facts.push(`device ${array.id} ${id} ${identity}`);
      for (const group of groups) facts.push(factOf.member(array.id, group, id));
    }
  }
  for (const [path, { sizeBytes }] of site.files) facts.push(factOf.file(path), `size of ${path}: ${sizeBytes}`);
  for (const [address, shells] of site.shells) for (const shell of shells) facts.push(factOf.shell(address, shell));
  for (const [name] of site.locks) facts.push(factOf.lock(name));
  for (const name of site.unborn) facts.push(`unborn ${name}`);
  for (const [id, { folder }] of site.journals) if (folder === 'open') facts.push(factOf.open(id));
  return new Set(facts);
}

export const factOf = {
  snapshot: (array: string, source: string, name: string, snapId: number) =>
    `snapshot ${array} ${source} ${name} ${snapId}`,
  link: (array: string, target: string, name: string, snapId: number) => `link ${array} ${target} ${name} ${snapId}`,
  member: (array: string, group: string, device: string) => `member ${array} ${group} ${device}`,
  file: (path: string) => `file ${path}`,
  shell: (address: string, shell: string) => `shell ${address} ${shell}`,
  lock: (name: string) => `lock ${name}`,
  open: (id: string) => `open ${id}`,
};
