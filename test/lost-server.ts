import { type FileHandle, open } from 'node:fs/promises';

/** Reads of files wait as in a file system whose server is gone, from when it is lost until it is back. */
export async function loseServer(isLost = () => true): Promise<{ readonly asked: Promise<void>; comeBack(): void }> {
  const handle = await open(__filename);
  const files: Pick<FileHandle, 'read'> = Object.getPrototypeOf(handle);
  await handle.close();
  const { read } = files;
  let comeBack = () => {};
  let ask = () => {};
  const isBack = new Promise<void>((resolve) => {
    comeBack = resolve;
  });
  const asked = new Promise<void>((resolve) => {
    ask = resolve;
  });
  files.read = async function (this: FileHandle, ...question: unknown[]) {
    if (isLost()) {
      ask();
      await isBack;
    }
    return Reflect.apply(read, this, question);
  };
  return {
    asked,
    comeBack() {
      files.read = read;
      comeBack();
    },
  };
}
