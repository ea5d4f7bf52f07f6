import { post } from '../../../src/job/post.ts';
import { SnaphookError } from '../../../src/ports/errors.ts';
import { jobSpec } from './job-spec.ts';
import { ManualClock } from './manual-clock.ts';
import { QUIET, WAITING_RUN } from './worlds/quiet-world.ts';
import { jobs } from './worlds/run-of-world.ts';
import { World } from './worlds/world.ts';

const spec = jobSpec(jobs[0]);

/** A job with three open runs, of which the journals of the first ones, oldest first, cannot be read. */
function jobWith(unreadable: number) {
  const runs = [0, 1, 2].map((index) => ({ ...WAITING_RUN, source: index, ageMinutes: 600 - index }));
  const { site } = new World({ ...QUIET, runs });
  const { ports } = site;
  const ids = [...site.journals.keys()].sort();
  const broken = new Set(ids.slice(0, unreadable));
  const open = async (id: string) => {
    if (broken.has(id)) throw new SnaphookError('E_JOURNAL', `journal of run "${id}" cannot be read`);
    return ports.journals.open(id);
  };
  const isClosed = (id: string) => site.journals.get(id)?.folder === 'closed';
  return { ports: { ...ports, clock: new ManualClock(), journals: { ...ports.journals, open } }, ids, isClosed };
}

test('a run that cannot be ended does not keep the others of the job from being ended, and its error is told', async () => {
  const { ports, ids, isClosed } = jobWith(1);

  await expect(post(ports, spec)).rejects.toMatchObject({
    code: 'E_JOURNAL',
    message: expect.stringContaining(`${ids[0]}`),
  });

  expect(ids.map(isClosed)).toEqual([false, true, true]);
});

test('of several runs that cannot be ended every error is told', async () => {
  const { ports, ids, isClosed } = jobWith(2);

  await expect(post(ports, spec)).rejects.toMatchObject({
    code: 'E_LEFTOVERS',
    message: expect.stringMatching(new RegExp(`${ids[0]}.*; .*${ids[1]}`)),
  });

  expect(ids.map(isClosed)).toEqual([false, false, true]);
});
