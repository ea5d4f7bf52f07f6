import path from 'node:path';
import { startLab } from '../lab/lab.ts';
import type { VerbResult } from './console.ts';
import { EXIT } from './exit-codes.ts';
import { jsonDocument } from './render/json.ts';
import { table } from './render/text.ts';

/** Keeps the lab running until it is interrupted. The array's state stays in the directory for the next time. */
export async function labUpVerb(
  options: { readonly directory: string; readonly latency: number; readonly json: boolean },
  signal: AbortSignal,
): Promise<VerbResult> {
  const directory = path.resolve(options.directory);
  const lab = await startLab({ directory, latencyMs: options.latency, eventFile: true });
  try {
    const facts = { configuration: lab.configFile, events: path.join(directory, 'events.jsonl'), ...lab.urls };
    process.stderr.write(
      table([
        ['The lab is up. Use it in another terminal:', ''],
        ['', `snaphook plan --config ${lab.configFile} --job nightly`],
        ...Object.entries(facts),
        ['Stop it with Ctrl-C.', ''],
      ]),
    );
    if (options.json) process.stdout.write(`${JSON.stringify(jsonDocument('lab', { ok: true, ...facts }))}\n`);
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    return { document: undefined, text: 'The lab is down.\n', exitCode: EXIT.ok };
  } finally {
    await lab.close();
  }
}
