/** Prints what a suite measured, beside its checks. */
export function tellFigures(name: string, figures: Readonly<Record<string, number>>): void {
  const parts = Object.entries(figures).map(([figure, value]) => `${figure} ${Math.round(value * 10) / 10}`);
  process.stderr.write(`measured: ${name}: ${parts.join(', ')}\n`);
}
