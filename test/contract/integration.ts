import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { integrationNamed } from '../../integrations/catalogue.ts';
import type { InstallItem, InstallRequest, Integration, ProductCall, RawCall } from '../../integrations/contract.ts';
import { missingCallsStep } from '../../integrations/missing-calls.ts';
import { SnaphookError } from '../../src/ports/errors.ts';
import { SEED } from '../seed.ts';
import { recordingProgram } from './recording-program.ts';

const ODD_JOBS = [
  'Täglich / SQL',
  '../../x',
  '$(reboot)',
  `it's "quoted"`,
  '-dash',
  '%p',
  'a\nb',
  'a\rb',
  '.hidden',
  '{repository}',
];

/** One recorded or documented call of a product, and what it means. */
export interface RecordedCall {
  readonly title: string;
  readonly call: Partial<RawCall>;
  readonly means: ProductCall;
}

const PHASES = ['pre', 'post', 'check', 'list', 'none'];
const OUTCOMES = ['ok', 'warning', 'failed', 'cancelled', 'unknown', undefined];
const isText = (value: unknown) => value === undefined || (typeof value === 'string' && value !== '');

const isCall = ({ phase, job, instance, runId, level, outcome, member }: ProductCall): boolean =>
  PHASES.includes(phase) &&
  OUTCOMES.includes(outcome) &&
  [job, instance, runId, level, member?.name].every(isText) &&
  (member?.of === undefined || member.of > 1);

/** The call with one of its words or variables in the place of each of them. */
function oddCalls({ words = [], env = {}, ...call }: Partial<RawCall>): readonly Partial<RawCall>[] {
  const odd = (text: string) => text.replace(/[^=]*$/, 'constructor');
  return [
    ...words.map((word, index) => ({ ...call, env, words: words.with(index, odd(word)) })),
    ...Object.keys(env).map((name) => ({ ...call, words, env: { ...env, [name]: 'constructor' } })),
  ];
}

/** What every integration has to keep, and the calls of its own product. */
export function describeIntegration(
  integration: Integration,
  recorded: readonly RecordedCall[],
  settings: Readonly<Record<string, string>> = {},
): void {
  const program = recordingProgram();
  const read = (call: Partial<RawCall>) => integration.read({ phase: undefined, words: [], env: {}, ...call });
  const request = (more: Partial<InstallRequest> = {}): InstallRequest => ({
    job: 'nightly-sql',
    program: '/usr/bin/snaphook',
    system: 'linux',
    configFile: undefined,
    settings,
    ...more,
  });

  /** As the product's own words have it, which win over the name of the program; undefined: they do not tell. */
  const phaseUnasked = (call: Partial<RawCall>) => {
    try {
      return read(call).phase;
    } catch {
      return undefined;
    }
  };

  test('it is found by its name', async () => {
    expect(await integrationNamed(integration.name)).toBe(integration);
  });

  test.each(recorded.map((each) => [each.title, each] as const))('%s', (_title, { call, means }) => {
    expect(read(call)).toEqual(means);
  });

  test('whatever words and variables it is called with, it says what is asked for, or that they are not its product’s', () => {
    const known = recorded.flatMap(({ call: { words = [], env = {} } }) => [...words, ...Object.values(env)]);
    const names = recorded.flatMap(({ call: { env = {} } }) => Object.keys(env));
    const text = fc.oneof(fc.constantFrom('', '--', '%p', ...known.filter((word) => word !== undefined)), fc.string());
    const env = fc.dictionary(names.length > 0 ? fc.constantFrom(...names) : fc.string(), text);
    const phase = fc.constantFrom('pre', 'post', 'list', undefined);
    const property = fc.property(phase, fc.array(text, { maxLength: 9 }), env, (...[asked, words, variables]) => {
      try {
        const told = read({ phase: asked, words, env: variables });
        const own = phaseUnasked({ words, env: variables });
        return isCall(told) && (own === undefined ? [asked, 'none', 'check'].includes(told.phase) : told.phase === own);
      } catch (error) {
        return error instanceof SnaphookError && error.code === 'E_USAGE';
      }
    });
    fc.assert(property, { numRuns: 300, seed: SEED });
  });

  test('a word that every object of JavaScript knows is a word like others', () => {
    for (const { call } of recorded) {
      for (const odd of oddCalls(call)) {
        let told: ProductCall;
        try {
          told = read(odd);
        } catch (error) {
          expect(error).toMatchObject({ code: 'E_USAGE' });
          continue;
        }
        expect([odd, isCall(told)]).toEqual([odd, true]);
      }
    }
  });

  test('whether it says how backups end is what its calls say', () => {
    expect(recorded.some(({ means }) => means.outcome === 'ok')).toBe(integration.tellsOutcome ?? false);
  });

  test('a run that was handed over is success to the product, with a lower grade too unless it knows warnings', () => {
    expect([0, 2, 3]).toContain(integration.exits.degraded);
    expect(integration.exits.failed).not.toBe(0);
  });

  test('the program and the job are in what is installed, and the product is told what to do about time', () => {
    const items = integration.installation.items(request());
    const written = items.flatMap((item) =>
      item.kind === 'file' ? [item.content] : item.kind === 'lines' ? [item.text] : [],
    );

    expect(written.join('\n')).toContain('/usr/bin/snaphook');
    expect(written.join('\n')).toContain('nightly-sql');
    if (integration.limitSeconds !== undefined) expect(written.join('\n')).toContain('--limit-seconds');
  });

  test.each(ODD_JOBS)(
    'a job named %j is refused, or what is installed is files of plain names and scripts that a shell reads',
    (job) => {
      let items: readonly InstallItem[] = [];
      try {
        items = integration.installation.items(request({ job }));
      } catch (error) {
        expect(error).toMatchObject({ code: 'E_USAGE' });
      }
      for (const item of items) {
        if (item.kind !== 'file') continue;
        expect(item.path).toMatch(/^\/[\w./-]+$/);
        expect(item.path).not.toContain('..');
        if (item.content.startsWith('#!/bin/sh\n')) execFileSync('/bin/sh', ['-n'], { input: item.content });
      }
    },
  );

  test.each(ODD_JOBS)(
    'a job named %j is refused, or the scripts that are installed give its name on as it is',
    (job) => {
      let items: readonly InstallItem[] = [];
      try {
        items = integration.installation.items(request({ job, program: program.path }));
      } catch (error) {
        expect(error).toMatchObject({ code: 'E_USAGE' });
      }
      const scripts = items.flatMap((item) =>
        item.kind === 'file' && item.content.startsWith('#!/bin/sh\n') ? [item.content] : [],
      );
      const calls = scripts.flatMap((script) => program.callsOf(script));

      expect(calls.length > 0).toBe(scripts.length > 0);
      for (const words of calls) expect(words).toContain(`--job=${job}`);
    },
  );

  test('a name of several lines is in no line that somebody copies into a field or a file of the product', () => {
    for (const end of ['\n', '\r']) {
      let items: readonly InstallItem[] = [];
      try {
        items = integration.installation.items(request({ job: `first${end}last` }));
      } catch (error) {
        expect(error).toMatchObject({ code: 'E_USAGE' });
      }
      for (const item of items) if (item.kind === 'lines') expect(item.text).not.toContain(`first${end}last`);
    }
  });

  test('for Windows it is refused, or no file is written for a shell of Unix', () => {
    let items: readonly InstallItem[] = [];
    try {
      items = integration.installation.items(
        request({ system: 'windows', program: String.raw`C:\Program Files\snaphook\snaphook.exe` }),
      );
    } catch (error) {
      expect(error).toMatchObject({ code: 'E_USAGE' });
    }
    for (const item of items) {
      if (item.kind === 'step') continue;
      expect(item.kind === 'file' ? item.content : item.text).not.toMatch(/#!|\$@|\bexec |\/bin\/sh|\$PPID/);
    }
  });

  test('who installs it is told of every ending after which no post hook may come, and what to do then', () => {
    const { postAfterFailedPre, postAfterFailedBackup, postAfterCancel, mayOverlap } = integration.guarantees;
    const step = missingCallsStep(integration.title, integration.guarantees);
    const text = step.kind === 'step' ? step.text : '';

    expect(/a pre hook that failed/.test(text)).toBe(!postAfterFailedPre);
    expect(/a backup that failed/.test(text)).toBe(!postAfterFailedBackup);
    expect(/a backup that was cancelled/.test(text)).toBe(!postAfterCancel);
    expect(text).toContain('product was killed');
    expect(text).toContain('exits 11');
    expect(text).toContain('snaphook reap --apply --include-waiting');
    expect(/can still be reading/.test(text)).toBe(mayOverlap);
  });

  test('files that are installed have absolute paths, a mode that only their owner can write, and end with a line end', () => {
    for (const item of integration.installation.items(request())) {
      if (item.kind !== 'file') continue;
      expect(item.path).toMatch(/^(\/|[A-Z]:\\)/);
      expect(item.mode & 0o022).toBe(0);
      expect(item.content.endsWith('\n')).toBe(true);
    }
  });
}
