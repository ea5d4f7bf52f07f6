import { HelperFacts } from '../../../../src/guest/windows/helper-facts.ts';

test('what a helper said on standard error is text even when a piece ended inside a character', () => {
  const facts = new HelperFacts();
  const words = Buffer.from('Grüße €');
  for (const byte of words) facts.addOutput(Buffer.alloc(0), Buffer.from([byte]));
  facts.exited(1);

  expect(facts.end).toEqual({ kind: 'exited', exitCode: 1, stderr: 'Grüße €' });
});
