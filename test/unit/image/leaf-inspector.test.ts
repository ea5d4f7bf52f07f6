import { Worker } from 'node:worker_threads';
import { inspectorIn, startedOf } from '../../../src/image/leaf-inspector.ts';

const at = (startBytes: number) => ({ startBytes, lengthBytes: 1, positionBytes: startBytes });

test.each([
  ['when it is asked', "require('node:worker_threads').parentPort.once('message', () => process.exit(3))"],
  ['before it is asked', 'process.exit(3)'],
])('nobody waits for a thread that ends without an error, %s', async (_when, program) => {
  const worker = new Worker(program, { eval: true });
  const inspector = inspectorIn(worker);

  await expect(Promise.all([inspector.inspect(at(0)), inspector.inspect(at(1))])).rejects.toThrow('ended with 3');
  await expect(inspector.inspect(at(0))).rejects.toThrow('ended with 3');
});

test('where fewer threads start than are wanted, those that did are used', () => {
  let left = 2;
  const start = () => {
    if (left === 0) throw new Error('EAGAIN');
    left -= 1;
    return left;
  };

  expect(startedOf(4, start)).toEqual([1, 0]);
  expect(() => startedOf(4, start)).toThrow('EAGAIN');
});
