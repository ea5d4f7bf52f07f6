/** Part of Node, but not of its types. */
declare const WebAssembly: {
  readonly Memory: new (shape: {
    readonly initial: number;
    readonly maximum: number;
    readonly shared: true;
  }) => { readonly buffer: SharedArrayBuffer };
};
const WASM_PAGE_BYTES = 65_536;
/** As much as one leaf can need, or several images at a time do. */
const MOST_FREE_BYTES = 256 * 1024 * 1024;

/** Memories that nobody uses, the one that was given back last at the end. */
const free: SharedArrayBuffer[] = [];

/**
 * Memory for that many bytes, or more, with anything in it. It begins at a page, which plain shared memory does not: the kernel copies files
 * into such memory three times as fast. V8 does not count its bytes and so collects it hours later, if at all: who takes it gives it back,
 * and it is used again. Sizes are powers of two, so that images of different sizes find each other's.
 */
export function takeLeafMemory(bytes: number): SharedArrayBuffer {
  const pages = 2 ** Math.ceil(Math.log2(Math.max(1, bytes / WASM_PAGE_BYTES)));
  const at = free.findLastIndex(({ byteLength }) => byteLength === pages * WASM_PAGE_BYTES);
  const [known] = at === -1 ? [] : free.splice(at, 1);
  return known ?? new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }).buffer;
}

/** Once, when nothing reads into it and nothing uses what is in it any more. */
export function giveLeafMemoryBack(memory: SharedArrayBuffer): void {
  free.push(memory);
  const freeBytes = () => free.reduce((sum, { byteLength }) => sum + byteLength, 0);
  while (freeBytes() > MOST_FREE_BYTES) free.shift();
}
