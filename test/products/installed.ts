import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { InstallItem, InstallRequest, Integration } from '../../integrations/contract.ts';
import { newFolder } from '../files/stage.ts';
import { SNAPHOOK } from './product-site.ts';

/** What `snaphook install` has for the product. */
export const itemsOf = (
  { installation }: Integration,
  request: Pick<InstallRequest, 'job' | 'configFile'> & { readonly settings?: InstallRequest['settings'] },
): readonly InstallItem[] => installation.items({ program: SNAPHOOK, system: 'linux', settings: {}, ...request });

/** The files among them, in a folder of this run; their paths there, in the same order. */
export function writeFilesOf(items: readonly InstallItem[]): readonly string[] {
  const folder = newFolder('installed');
  return items.flatMap((item) => {
    if (item.kind !== 'file') return [];
    const file = path.join(folder, item.path);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, item.content, { mode: item.mode });
    return [file];
  });
}
