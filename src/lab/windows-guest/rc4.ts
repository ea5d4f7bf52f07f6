/** The RC4 key stream; NTLM seals with it and OpenSSL 3 no longer offers it by default. */
export class Rc4 {
  readonly #state = new Uint8Array(256);
  #i = 0;
  #j = 0;

  constructor(key: Uint8Array) {
    const state = this.#state;
    for (let index = 0; index < 256; index += 1) state[index] = index;
    let j = 0;
    for (let index = 0; index < 256; index += 1) {
      j = (j + (state[index] ?? 0) + (key[index % key.length] ?? 0)) & 0xff;
      this.#swap(index, j);
    }
  }

  /** Encrypts or decrypts the next bytes of the stream. */
  update(data: Uint8Array): Buffer {
    const result = Buffer.alloc(data.length);
    for (let index = 0; index < data.length; index += 1) {
      this.#i = (this.#i + 1) & 0xff;
      const left = this.#state[this.#i] ?? 0;
      this.#j = (this.#j + left) & 0xff;
      const right = this.#state[this.#j] ?? 0;
      this.#swap(this.#i, this.#j);
      result[index] = (data[index] ?? 0) ^ (this.#state[(left + right) & 0xff] ?? 0);
    }
    return result;
  }

  #swap(first: number, second: number): void {
    const value = this.#state[first] ?? 0;
    this.#state[first] = this.#state[second] ?? 0;
    this.#state[second] = value;
  }
}
