import { checksumsHereAndElsewhere } from '../built-elsewhere.ts';

// Known defect: in some folders the executable for Linux gets other bytes (docs/packaging.md).
// biome-ignore lint/suspicious/noSkippedTests: it fails until that is mended
test.skip('the same sources in another folder give the same bytes', () => {
  const { here, elsewhere } = checksumsHereAndElsewhere('linux');

  expect(here).toContain('snaphook');
  expect(elsewhere).toBe(here);
});
