import { openSync, readSync, statSync } from 'node:fs';
import type { Site } from '../lab/main-job/site.ts';
import { MIB } from './disk-image.ts';

/** Puts the bytes of a file onto a device of the lab's array, but for those that are there already. */
export function copyToDevice(site: Site, device: string, image: string, offsetBytes = 0): void {
  const view = site.lab.store.open(device);
  const descriptor = openSync(image, 'r');
  for (let at = 0; at < statSync(image).size; at += MIB) {
    const chunk = Buffer.alloc(Math.min(MIB, statSync(image).size - at));
    readSync(descriptor, chunk, 0, chunk.length, at);
    if (!chunk.equals(view.read(offsetBytes + at, chunk.length))) view.write(offsetBytes + at, chunk);
  }
}
