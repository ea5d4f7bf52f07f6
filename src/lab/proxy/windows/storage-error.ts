/** An error of a storage cmdlet, with the number of its provider. */
export class StorageError extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}
