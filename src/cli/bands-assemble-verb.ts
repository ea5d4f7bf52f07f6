import { assembleBands } from '../image/bands/assemble-bands.ts';
import type { Reporter } from '../ports/reporter.ts';
import type { VerbResult } from './console.ts';
import { EXIT } from './exit-codes.ts';
import { jsonDocument } from './render/json.ts';
import { bytesText } from './render/text.ts';

/** Reads files alone: bands may be restored where nothing is configured. */
export async function bandsAssembleVerb(
  { folder, image }: { readonly folder: string; readonly image: string },
  reporter: Reporter,
  signal: AbortSignal,
): Promise<VerbResult> {
  const progress = (doneBytes: number) => reporter.progress('assembling image', { image, doneBytes });
  const { run, sizeBytes, contentHash } = await assembleBands(folder, image, progress, signal);
  return {
    document: jsonDocument('bands-assemble', { ok: true, image, run, sizeBytes, contentHash }),
    text: `${image}: ${bytesText(sizeBytes)} of snapshot ${run.snapshot}, every band as it was written\n`,
    exitCode: EXIT.ok,
  };
}
