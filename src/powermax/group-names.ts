const TARGETS_SUFFIX = '-targets';

/** The temporary group of a snapshot's sources bears the snapshot's own name: whoever finds one knows the other. */
export const sourceGroupOf = (snapshot: string): string => snapshot;
export const targetGroupOf = (snapshot: string): string => `${snapshot}${TARGETS_SUFFIX}`;

/** What a group of such a name would be for. A name alone proves nothing. */
export function groupNamed(name: string): { readonly snapshot: string; readonly holds: 'sources' | 'targets' } {
  return name.endsWith(TARGETS_SUFFIX)
    ? { snapshot: name.slice(0, -TARGETS_SUFFIX.length), holds: 'targets' }
    : { snapshot: name, holds: 'sources' };
}
