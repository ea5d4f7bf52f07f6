import { OLDEST_VERSION, rankOf, type VersionRank } from './versions.ts';

/**
 * The schema is text, one block a type, so that it can be read beside the vendor's reference:
 *
 *     VirtualDisk@5.1 extends VirtualDevice (vim.vm.device.VirtualDisk)
 *       capacityInKB:long shares?:SharesInfo@5.5 datastore?:->Datastore[]!System.View
 *
 * `?` optional, `[]` array, `->` reference to a managed object, `@x` new in release x, `!p` privilege p.
 * The order of the properties is the order on the wire; those of the base type come first.
 */
export interface TypeRef {
  /** Data type, enumeration, scalar (`string`, `int`, …), or the managed type a reference points to. */
  readonly name: string;
  readonly array: boolean;
  readonly reference: boolean;
}

export interface Property {
  readonly name: string;
  readonly type: TypeRef;
  readonly optional: boolean;
  readonly since: VersionRank;
  /** Only on managed objects and where the type's default (`System.Read`) does not hold. */
  readonly privilege: string | undefined;
}

export interface TypeBlock {
  readonly name: string;
  readonly base: string;
  /** Name in the server's messages. */
  readonly vmodlName: string;
  readonly since: VersionRank;
  /** Without those of the base type. */
  readonly properties: readonly Property[];
}

export interface OperationBlock {
  readonly name: string;
  /** Managed type it is called on. */
  readonly receiver: string;
  readonly parameters: readonly Property[];
  /** Absent: the answer has no `returnval`. */
  readonly result: { readonly type: TypeRef; readonly optional: boolean } | undefined;
  /** Absent: checked by the operation itself. */
  readonly privilege: string | undefined;
  readonly since: VersionRank;
}

const HEADER = /^(\w+)(?:@([\w.]+))? extends (\w+) \(([\w.]+)\)$/;
const PROPERTY = /^(\w+)(\?)?:(->)?(\w+)(\[\])?(?:@([\w.]+))?(?:!([\w.]+))?$/;
const OPERATION = /^(\w+)\.(\w+)(?:@([\w.]+))?(?: !([\w.]+))?(?: => (->)?(\w+)(\[\])?(\?)?)?$/;

export function parseTypes(text: string): readonly TypeBlock[] {
  return blocksOf(text).map(({ header, words }) => {
    const [, name, since, base, vmodlName] = HEADER.exec(header) ?? [];
    if (!name || !base || !vmodlName) throw new Error(`not a type header: ${header}`);
    return { name, base, vmodlName, since: rankOrThrow(since), properties: words.map(parseProperty) };
  });
}

/** `Receiver.Operation@since !privilege => result` with the parameters below, in wire order. */
export function parseOperations(text: string): readonly OperationBlock[] {
  return blocksOf(text).map(({ header, words }) => {
    const [, receiver, name, since, privilege, arrow, result, array, optional] = OPERATION.exec(header) ?? [];
    if (!receiver || !name) throw new Error(`not an operation header: ${header}`);
    return {
      name,
      receiver,
      parameters: words.map(parseProperty),
      result:
        result === undefined
          ? undefined
          : {
              type: { name: result, array: array !== undefined, reference: arrow !== undefined },
              optional: optional !== undefined,
            },
      privilege,
      since: rankOrThrow(since),
    };
  });
}

function blocksOf(text: string): readonly { header: string; words: readonly string[] }[] {
  const blocks: { header: string; words: string[] }[] = [];
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    if (line.startsWith(' ')) blocks.at(-1)?.words.push(...line.trim().split(/\s+/));
    else blocks.push({ header: line, words: [] });
  }
  return blocks;
}

function parseProperty(word: string): Property {
  const [, name, optional, arrow, type, array, since, privilege] = PROPERTY.exec(word) ?? [];
  if (!name || !type) throw new Error(`not a property: ${word}`);
  return {
    name,
    type: { name: type, array: array !== undefined, reference: arrow !== undefined },
    optional: optional !== undefined,
    since: rankOrThrow(since),
    privilege,
  };
}

function rankOrThrow(release: string | undefined): VersionRank {
  if (release === undefined) return OLDEST_VERSION;
  const rank = rankOf(release);
  if (rank === undefined) throw new Error(`unknown release in the schema: ${release}`);
  return rank;
}
