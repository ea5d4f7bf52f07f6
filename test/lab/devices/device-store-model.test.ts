import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { DeviceStore } from '../../../src/lab/devices/device-store.ts';
import { type ArrayGeneration, CYLINDER_BYTES } from '../../../src/lab/devices/store-contract.ts';
import { EventLog } from '../../../src/lab/world/events.ts';
import { Pace } from '../../../src/lab/world/pace.ts';
import { SEED } from '../../seed.ts';
import { StoreModel } from './store-model.ts';
import { deviceIds, expectSame, operations, perform } from './store-operations.ts';

const sizes = Object.fromEntries(deviceIds.map((id) => [id, CYLINDER_BYTES]));

test.each<ArrayGeneration>(['V3', 'V4'])(
  'random operations on a %s array, with restarts between, show the same bytes as full copies would',
  async (generation) => {
    let performed = 0;
    const step = fc.oneof(
      { weight: 20, arbitrary: operations },
      { weight: 1, arbitrary: fc.constant('reopen' as const) },
      { weight: 1, arbitrary: fc.constant('finish-copying' as const) },
    );
    const property = fc.asyncProperty(fc.array(step, { minLength: 60, maxLength: 120, size: 'max' }), async (steps) => {
      const folder = mkdtempSync(path.join(tmpdir(), 'store-'));
      const options = { pace: new Pace(0), events: new EventLog(), generation, defineMs: Number.POSITIVE_INFINITY };
      let store = DeviceStore.open(folder, options);
      try {
        for (const id of deviceIds) store.createDevice({ id, cylinders: 1 });
        const model = new StoreModel(sizes);
        for (const [at, current] of steps.entries()) {
          if (current === 'reopen') {
            store.close();
            store = DeviceStore.open(folder, options);
          } else if (current === 'finish-copying') {
            await finishCopying(store, model);
          } else {
            perform(store, model, generation, current);
            performed++;
          }
          if (at % 20 === 19) expectSame(store, model);
        }
        expectSame(store, model);
      } finally {
        store.close();
        rmSync(folder, { recursive: true });
      }
    });
    await fc.assert(property, { numRuns: 15, seed: SEED });
    expect(performed).toBeGreaterThan(900);
  },
);

async function finishCopying(store: DeviceStore, model: StoreModel): Promise<void> {
  for (const [id, { link }] of model.devices) {
    if (!link?.copy) continue;
    const deadline = Date.now() + 5000;
    while (store.linkOf(id)?.info.state !== 'Copied') {
      if (Date.now() > deadline) throw new Error(`copying to ${id} does not end`);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    link.copied = true;
  }
}
