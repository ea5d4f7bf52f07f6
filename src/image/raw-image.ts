import type { OpenSink } from './write-image.ts';

/** The bytes of the device in a sparse file. */
export const rawSink: OpenSink = async ({ sizeBytes }, [file]) => {
  if (!file) throw new TypeError('a raw image has a file');
  await file.truncate(sizeBytes);
  return { takes: 'copy', file, finish: async () => {} };
};
