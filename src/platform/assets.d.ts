declare const __VERSION__: string;

declare module '*.wasm' {
  const bytes: Uint8Array;
  export default bytes;
}

declare module '*.wsdl' {
  const text: string;
  export default text;
}
