import { RELEASE_BYTE } from '../../guest/linux/freeze-helper-protocol.ts';

const LINE_FEED = 0x0a;
const ABORT = /(^|\n|T)abort\n/;

/** The helper's standard input: lines of words, and between them release bytes. */
export class HelperInput {
  #bytes = Buffer.alloc(0);

  push(bytes: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
  }

  /** The next whole line. Release bytes before it released nothing and are dropped. */
  takeLine(): string | undefined {
    let start = 0;
    while (this.#bytes[start] === RELEASE_BYTE) start += 1;
    this.#bytes = this.#bytes.subarray(start);
    const end = this.#bytes.indexOf(LINE_FEED);
    if (end < 0) return undefined;
    const line = this.#bytes.subarray(0, end).toString('latin1');
    this.#bytes = this.#bytes.subarray(end + 1);
    return line;
  }

  /** Takes the first release byte; everything else stays for later. */
  takeRelease(): boolean {
    const at = this.#bytes.indexOf(RELEASE_BYTE);
    if (at < 0) return false;
    this.#bytes = Buffer.concat([this.#bytes.subarray(0, at), this.#bytes.subarray(at + 1)]);
    return true;
  }

  dropReleases(): void {
    this.#bytes = Buffer.from(this.#bytes.filter((byte) => byte !== RELEASE_BYTE));
  }

  /** The line stays: it is answered when its turn comes. */
  get hasAbort(): boolean {
    return ABORT.test(this.#bytes.toString('latin1'));
  }
}
