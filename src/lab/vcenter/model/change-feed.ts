/** Tells waiting property collectors that something they may watch has changed. */
export class ChangeFeed {
  readonly #listeners = new Set<() => void>();

  announce(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
