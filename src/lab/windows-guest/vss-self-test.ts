import type { HelperCheck } from '../../guest/windows/vss-helper-protocol.ts';
import type { VssCoordinator } from './vss-coordinator.ts';

interface Machine {
  readonly coordinator: VssCoordinator;
  readonly os: string;
}

/** What the helper finds out about its machine without freezing an application. */
export function selfTest({ coordinator, os }: Machine): readonly HelperCheck[] {
  const { knobs, writerCount, volumeCount } = coordinator;
  const well: readonly (readonly [HelperCheck['name'], string])[] = [
    ['os', os],
    ['rights', 'Administrators'],
    ['provider-registered', 'registered'],
    ['provider-loads', 'loaded'],
    ['com-security', 'packet privacy'],
    ['writers', `${writerCount} writers`],
    ['volumes', `${volumeCount} fixed volumes`],
    ['hold', 'released and expired as asked'],
    ['service', 'stopped, starts on demand'],
  ];
  const troubles = new Map(knobs.troubles);
  if (!knobs.providerRegistered) {
    troubles.set('provider-registered', 'not registered');
    troubles.set('service', 'there is no such service');
  }
  return well.map(([name, detail]) => {
    const trouble = troubles.get(name);
    return { name, ok: trouble === undefined, detail: trouble ?? detail };
  });
}
