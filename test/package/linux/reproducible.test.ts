import { checksumsHereAndElsewhere } from '../built-elsewhere.ts';

test('the same sources in another folder give the same bytes', () => {
  const { here, elsewhere } = checksumsHereAndElsewhere('linux');

  expect(here).toContain('snaphook');
  expect(elsewhere).toBe(here);
});
