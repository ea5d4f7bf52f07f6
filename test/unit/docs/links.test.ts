import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const ROOT = path.join(__dirname, '../../..');

const PAGES = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', ...pagesBelow('docs'), ...pagesBelow('integrations')];

function pagesBelow(folder: string): readonly string[] {
  const files = readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' });
  return files.filter((file) => file.endsWith('.md')).map((file) => path.join(folder, file));
}

const read = (page: string): string => readFileSync(path.join(ROOT, page), 'utf8');

/** `a/{b,c}.ts` is two files. */
const alternatives = (file: string): readonly string[] => {
  const [, before = '', names, after = ''] = /^(.*)\{([^}]*)\}(.*)$/.exec(file) ?? [];
  return names === undefined ? [file] : names.split(',').map((name) => before + name + after);
};

test.each(PAGES)('%s links to pages that exist', (page) => {
  const targets = [...read(page).matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)].map(([, target = '']) => target);
  const local = targets.filter((target) => !/^[a-z]+:/.test(target));
  const missing = local.filter((target) => !existsSync(path.join(ROOT, path.dirname(page), target)));

  expect(missing).toEqual([]);
});

test('the promises name files, suites and commands that exist', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Readonly<Record<string, string>> }; // our own file
  const quoted = [...read('docs/promises.md').matchAll(/`([^`\n]+)`/g)].map(([, text = '']) => text);
  const files = quoted.filter((text) => /^(src|test|guest|docs)\//.test(text)).flatMap(alternatives);
  const commands = quoted.flatMap((text) => /^npm run ([\w:]+)/.exec(text)?.[1] ?? []);
  const exists = (file: string) => existsSync(path.join(ROOT, file.replace(/\*$/, '')));

  expect(files.length).toBeGreaterThan(20);
  expect(files.filter((file) => !exists(file))).toEqual([]);
  expect(commands.filter((name) => scripts[name] === undefined)).toEqual([]);
});
