import { setMaxListeners } from 'node:events';
import { parseArgs } from 'node:util';
import { benchBands } from './bands.ts';
import { benchCalls } from './calls.ts';
import { benchExport } from './export.ts';
import { runExportClient } from './export-client.ts';
import { benchGroup } from './group.ts';
import { runLabProcess } from './lab-process.ts';
import { benchPreflight } from './preflight.ts';
import { runPreflightClient } from './preflight-client.ts';
import { type BenchResult, textOf } from './result.ts';
import { benchStartup } from './startup.ts';
import { benchStrategies } from './strategies.ts';
import { benchWindow } from './window.ts';

const USAGE = `npm run bench -- preflight|window|group|strategies|calls|export|bands|startup [--json] [--full-baseline] [--disk-gib N]

  preflight  calls, time and memory of a plan over 10, 100 and 1,000 VMs
  window     how much longer guests stand still than the array needs: 1, 8 and 64 VMs, array times 0.05 to 8 s
  group      ten Windows and ten Linux guests in one snapshot: how far apart they come to a hold
  strategies each way to freeze a guest with array times of 0.1 to 12 s: which grade it reaches, and whether it is true
  calls      calls of a whole run and in its window: 1, 4, 16 and 64 disks
  export     raw images beside qemu-img convert -W -m 8; memory at 1 and 50 GiB. Needs qemu-utils and 4 GiB of disk
  bands      the second backup of a disk of which 1 % changed, as bands and as one image, with restic and borg
  startup    the Linux executable of a release beside an empty program. Needs build/release

Each stands beside a naive baseline. bands needs six times --disk-gib (2) of room for temporary files. --json gives one document.
`;

async function main(): Promise<void> {
  setMaxListeners(0); // as the product's own programs do: one signal for many guests
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      'full-baseline': { type: 'boolean', default: false },
      'disk-gib': { type: 'string', default: '2' },
      help: { type: 'boolean', default: false },
      'as-lab': { type: 'string' },
      'as-preflight-client': { type: 'string' },
      'as-export-client': { type: 'string' },
    },
  });
  if (values['as-lab'] !== undefined) return await runLabProcess(JSON.parse(values['as-lab']));
  if (values['as-export-client'] !== undefined) return await runExportClient(JSON.parse(values['as-export-client']));
  if (values['as-preflight-client'] !== undefined)
    return await runPreflightClient(JSON.parse(values['as-preflight-client']));
  const [name = ''] = positionals;
  const benches: Readonly<Record<string, () => Promise<BenchResult>>> = {
    preflight: () => benchPreflight({ fullBaseline: values['full-baseline'] }),
    window: benchWindow,
    group: benchGroup,
    strategies: benchStrategies,
    calls: benchCalls,
    export: benchExport,
    bands: () => benchBands(Number(values['disk-gib'])),
    startup: () => benchStartup(process.cwd()),
  };
  const bench = benches[name];
  if (values.help || !bench) {
    (values.help ? process.stdout : process.stderr).write(USAGE);
    process.exitCode = values.help ? 0 : 2;
    return;
  }
  const result = await bench();
  process.stdout.write(values.json ? `${JSON.stringify(result, undefined, 2)}\n` : textOf(result));
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
  process.exitCode = 1;
});
