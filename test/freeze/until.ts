/** Polls until it holds. False when it does not within the time. */
export async function until(holds: () => boolean, limitMs: number): Promise<boolean> {
  const endMs = performance.now() + limitMs;
  while (!holds()) {
    if (performance.now() > endMs) return false;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return true;
}
