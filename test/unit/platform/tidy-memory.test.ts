import { PerformanceObserver } from 'node:perf_hooks';
import { tidyMemory } from '../../../src/platform/tidy-memory.ts';

test('the young garbage is cleared away when it is asked for', async () => {
  const collected = new Promise<void>((resolve) => {
    const observer = new PerformanceObserver(() => {
      observer.disconnect();
      resolve();
    });
    observer.observe({ entryTypes: ['gc'] });
  });

  tidyMemory();

  await collected;
});
