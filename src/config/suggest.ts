import { configJsonSchema } from './schema.ts';

/** The known key at that place which is nearest to the mistyped one; undefined when none is near. */
export function suggestKey(parent: readonly (string | number)[], mistyped: string): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(mistyped.length / 3)) + 1;
  for (const key of knownKeys(parent)) {
    const distance = editDistance(mistyped.toLowerCase(), key.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [key, distance];
  }
  return best;
}

type SchemaNode = Readonly<Record<string, unknown>>;
const asNode = (value: unknown): SchemaNode => (typeof value === 'object' && value !== null ? { ...value } : {});

function knownKeys(parent: readonly (string | number)[]): readonly string[] {
  let node = asNode(configJsonSchema());
  for (const part of parent) {
    const properties = asNode(node.properties);
    if (typeof part === 'number') node = asNode(node.items);
    else node = asNode(part in properties ? properties[part] : node.additionalProperties);
  }
  const alternatives = Array.isArray(node.oneOf) ? node.oneOf.map(asNode) : [node];
  return alternatives.flatMap(({ properties }) => Object.keys(asNode(properties)));
}

/** Levenshtein distance: how many letters to insert, remove or change. */
function editDistance(from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= to.length; j += 1) {
      const substitute = (previous[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      row.push(Math.min(substitute, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    previous = row;
  }
  return previous[to.length] ?? 0;
}
