import { openLabHelper } from './lab-helper.ts';
import { describeVssHelper } from './vss-helper.ts';
import { describeHelperApplications } from './vss-helper-applications.ts';
import { describeHelperByFiles, type HeldHelper, type HelperByFiles } from './vss-helper-by-files.ts';

describeVssHelper('of the lab', async () => (await openLabHelper()).world);
describeHelperApplications('of the lab', async () => (await openLabHelper()).world);

const FOLDER = 'C:\\sessions';

describeHelperByFiles('of the lab', async (): Promise<HelperByFiles> => {
  const { world, files, run } = await openLabHelper();
  files.makeFolder(FOLDER);
  return {
    world,
    call: (...words) => run(words.join(' ')),
    hold: (name): HeldHelper => {
      const file = `${FOLDER}\\${name}.jsonl`;
      const kill = new AbortController();
      return {
        exited: run(`hold ${name} "${file}"`, { killed: kill.signal }),
        kill: () => kill.abort(),
        output: () => files.read(file)?.toString() ?? '',
      };
    },
  };
});
