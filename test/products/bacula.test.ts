import { spawn } from 'node:child_process';
import { openProductSite, type ProductSite, SNAPHOOK, SNAPHOOK_KIND } from './product-site.ts';
import { type Details, detailsOf } from './tree-details.ts';

const JOB = 'nightly';

let product: ProductSite;
let written: Readonly<Record<string, Details>>;
beforeAll(async () => {
  product = await openProductSite(JOB);
  written = product.inGuest(detailsOf);
});
afterAll(() => product.close());

const hook = (phase: 'pre' | 'post') => {
  const child = spawn(SNAPHOOK, ['hook', phase, '--job', JOB, '--config', product.configFile], { stdio: 'ignore' });
  return new Promise((resolve) => child.once('close', resolve));
};

test(`between the hooks of ${SNAPHOOK_KIND} the files of the VM are there as its guest wrote them`, async () => {
  expect(await hook('pre')).toBe(0);
  expect(detailsOf(product.files)).toEqual(written);
  expect(await hook('post')).toBe(0);
  product.expectNothingLeft();
});
