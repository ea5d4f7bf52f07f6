import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import * as z from 'zod';

const HOOKS = path.join(__dirname, '../../dist');

export interface RunningHook {
  readonly child: ChildProcess;
  readonly ended: Promise<{ readonly exitCode: number | null; readonly stdout: string; readonly stderr: string }>;
}

/** Where hooks can be started, for one job. */
export interface HookSite {
  readonly exportDirectory: string;
  /** It prints JSON. */
  hook(program: 'pre-backup' | 'post-backup'): RunningHook;
}

/** What of the pre hook's answer is looked at here. */
const preDocument = z.object({
  vms: z.tuple([
    z.object({
      grade: z.string(),
      reasons: z.array(z.string()),
      evidence: z.object({ guest: z.object({ freeze: z.object({ verdict: z.object({ heldMs: z.number() }) }) }) }),
    }),
  ]),
  window: z.object({ lengthMs: z.number(), arrayMs: z.number(), freezeMs: z.number(), thawMs: z.number() }),
  images: z.array(z.object({ path: z.string(), device: z.string() })),
});
export type PreDocument = z.infer<typeof preDocument>;

export function startHook(program: string, args: readonly string[]): RunningHook {
  const child = spawn(process.execPath, [path.join(HOOKS, `${program}.cjs`), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH },
    cwd: '/',
  });
  const said = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream].on('data', (data) => {
      said[stream] += data;
    });
  return {
    child,
    ended: new Promise((resolve) => child.once('close', (exitCode) => resolve({ exitCode, ...said }))),
  };
}

/** `exitCode`: the one it has to end with. */
export async function pre(site: HookSite, exitCode = 0): Promise<PreDocument> {
  return preDocument.parse(JSON.parse(await output(site.hook('pre-backup'), exitCode)));
}

export async function post(site: HookSite): Promise<void> {
  await output(site.hook('post-backup'), 0);
}

async function output({ ended }: RunningHook, expected: number): Promise<string> {
  const { exitCode, stdout, stderr } = await ended;
  if (exitCode !== expected) throw new Error(`the hook ended with ${exitCode}, not ${expected}: ${stderr}${stdout}`);
  return stdout;
}

/** The file that was handed over for a device of the guest. */
export function imageOf(site: HookSite, { images }: PreDocument, labDevice: string): string {
  const image = images.find(({ device }) => device === labDevice);
  if (!image) throw new Error(`no image of device "${labDevice}" was handed over`);
  return path.join(site.exportDirectory, image.path);
}

export const grades = ({ vms }: PreDocument) => vms.map(({ grade, reasons }) => ({ grade, reasons }));

export const heldMsOf = ({ vms: [{ evidence }] }: PreDocument) => evidence.guest.freeze.verdict.heldMs;
