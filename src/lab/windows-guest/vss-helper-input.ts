import { RELEASE_BYTE } from '../../guest/windows/vss-helper-protocol.ts';

const LINE_FEED = 0x0a;

/** The helper's standard input: command lines, and between them release bytes. */
export class HelperInput {
  #bytes = Buffer.alloc(0);

  push(bytes: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
  }

  /** Takes the first release byte out of what has arrived; everything else stays for later. */
  takeRelease(): boolean {
    const at = this.#bytes.indexOf(RELEASE_BYTE);
    if (at < 0) return false;
    this.#bytes = Buffer.concat([this.#bytes.subarray(0, at), this.#bytes.subarray(at + 1)]);
    return true;
  }

  /** The next whole line without removing it. Release bytes before it released nothing and are dropped. */
  peekLine(): string | undefined {
    let start = 0;
    while (this.#bytes[start] === RELEASE_BYTE) start += 1;
    this.#bytes = this.#bytes.subarray(start);
    const end = this.#bytes.indexOf(LINE_FEED);
    return end < 0 ? undefined : this.#bytes.subarray(0, end).toString('utf8');
  }

  dropLine(): void {
    this.#bytes = this.#bytes.subarray(this.#bytes.indexOf(LINE_FEED) + 1);
  }
}
