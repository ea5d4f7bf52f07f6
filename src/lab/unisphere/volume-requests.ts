import type { Emulation } from '../devices/store-contract.ts';
import { cylindersFor } from './device-identity.ts';
import type { LabArray } from './lab-array.ts';
import { blockOf, blocksOf, type Fields, numberOf, requiredText, textOf } from './lenient-fields.ts';
import { groupFull, malformed } from './messages.ts';
import { newVolumes, unassociatedVolumes } from './new-volumes.ts';
import { identifierFor, parseIdentifier, type WantedIdentifier } from './volume-identifiers.ts';

const MAX_DEVICES = 4096;

/** One entry of `volumeAttributes`. */
export interface WantedVolumes {
  readonly count: number;
  readonly cylinders: number;
  readonly emulation: Emulation;
  readonly identifier: WantedIdentifier | undefined;
}

/** `volumeAttributes[]`, with the older common `volumeIdentifier` beside it. Entries that ask for no volume are legal. */
export function parseWantedVolumes(fields: Fields): readonly WantedVolumes[] {
  const emulation = emulationOf(fields);
  const wanted = blocksOf(fields, 'volumeAttributes').map((attributes) => {
    const identifier = blockOf(attributes, 'volumeIdentifier') ?? blockOf(fields, 'volumeIdentifier');
    const count = numberOf(attributes, 'num_of_vols') ?? 1;
    const cylinders = cylindersFor(numberOf(attributes, 'volume_size') ?? 0, requiredText(attributes, 'capacityUnit'));
    if (count > 0 && cylinders <= 0) throw malformed('The volume size is not valid');
    return { count, cylinders, emulation, identifier: identifier && parseIdentifier(identifier) };
  });
  if (wanted.reduce((total, one) => total + one.count, 0) > MAX_DEVICES) throw groupFull();
  return wanted.filter((one) => one.count > 0);
}

/** As the storage group body says, for all of its volumes. */
function emulationOf(fields: Fields): Emulation {
  const told = textOf(fields, 'emulation')?.toUpperCase() ?? 'FBA';
  if (told === 'FBA') return told;
  if (told.startsWith('CKD')) return 'CKD';
  throw malformed(`The emulation ${told} is not valid`);
}

export interface ProvidedVolumes {
  readonly created: readonly string[];
  /** Devices that existed and were free to anybody: what "best effort" hands out. */
  readonly reused: readonly string[];
  readonly identifiers: ReadonlyMap<string, string | undefined>;
}

export function provideVolumes(array: LabArray, wanted: readonly WantedVolumes[], reuse: boolean): ProvidedVolumes {
  const created: string[] = [];
  const reused: string[] = [];
  const identifiers = new Map<string, string | undefined>();
  for (const { count, cylinders, emulation, identifier } of wanted) {
    const found = reuse ? unassociatedVolumes(array, cylinders, emulation).filter((id) => !reused.includes(id)) : [];
    const old = found.filter((id) => !created.includes(id)).slice(0, count);
    const fresh = newVolumes(
      array,
      Array.from({ length: count - old.length }, () => cylinders),
      emulation,
    );
    reused.push(...old);
    created.push(...fresh);
    for (const [position, id] of [...old, ...fresh].entries())
      if (identifier) identifiers.set(id, identifierFor(identifier, id, position));
  }
  return { created, reused, identifiers };
}
