/** The entry of that name; names from outside must not find what every object inherits (`constructor`, `__proto__`). */
export const ownEntry = <T>(table: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(table, name) ? table[name] : undefined;
