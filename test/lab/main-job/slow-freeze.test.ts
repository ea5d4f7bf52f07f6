import { readFileSync } from 'node:fs';
import { composePorts } from '../../../src/cli/compose.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { ARRAY_ID } from '../../../src/lab/estate-array.ts';
import { ACCOUNTS } from '../../../src/lab/site-config.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import type { Clock } from '../../../src/ports/clock.ts';
import { arrayId } from '../../../src/ports/identity.ts';
import { createPowerMax } from '../../../src/powermax/powermax.ts';
import { openSite, type Site } from './site.ts';

const silent = { info: () => undefined, warn: () => undefined, progress: () => undefined };
const FASTER = 20;
/** A second of the test is twenty of the job and of the array's client. */
const clock: Clock = {
  now: () => systemClock.now(),
  monotonicMs: () => systemClock.monotonicMs() * FASTER,
  sleep: (durationMs, signal) => systemClock.sleep(durationMs / FASTER, signal),
};

let site: Site;
beforeAll(async () => {
  site = await openSite({ vvolSnapVx: 'accepted' }, (configFile) => ({
    ...composePorts(loadConfig(configFile), silent),
    clock,
    arrays: [
      createPowerMax({
        arrayId: arrayId(ARRAY_ID),
        servers: [{ url: site.lab.urls.unisphere, tls: { ca: readFileSync(site.lab.caFile, 'utf8') } }],
        username: ACCOUNTS.array.name,
        password: async () => ACCOUNTS.array.password,
        clock,
      }),
    ],
  }));
});
afterAll(() => site.close());

test('an array that closed its idle connections while the guest took long to freeze is connected to again before the guest stands still', async () => {
  const { events, guest, unisphere } = site.lab;
  guest.vss.writerFreezeMs = 20_000;
  let asked = 0;
  const stop = events.onEvent(({ system, kind, operation, seq }) => {
    const isPrepared = events.events.some((event) => event.operation === 'PrepareForBackup');
    if (asked > 0 || !isPrepared || system !== 'guest' || kind !== 'request' || operation !== 'Send') return;
    asked = seq;
    unisphere.closeIdle();
  });

  await site.pre({ spec: { onLowerGrade: 'degrade' } });
  stop();
  await site.post();

  const at = (operation: string) => events.events.find((event) => event.operation === operation)?.seq ?? 0;
  const connections = events.events.filter(({ system, kind }) => system === 'array' && kind === 'connection');
  const between = (from: number, to: number) => connections.filter(({ seq }) => seq > from && seq < to).length;
  expect(between(asked, at('HoldWrites'))).toBeGreaterThan(0);
  expect(between(at('HoldWrites'), at('ReleaseWrites'))).toBe(0);
  expect(site.leftBehind()).toEqual([]);
});
