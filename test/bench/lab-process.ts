import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { startLab } from '../../src/lab/lab.ts';
import type { EventLog, LabEvent } from '../../src/lab/world/events.ts';
import { startBenchSite } from './bench-site.ts';
import type { LabQuestion, LabReady, LabSpec, SeenCalls } from './messages.ts';
import { WindowCpu } from './window-cpu.ts';

interface RunningLab {
  readonly configFile: string;
  readonly events: EventLog;
  setEstablishMs(durationMs: number): void;
  linksDefined(): Promise<void>;
  close(): Promise<void>;
}

interface Watched {
  /** Events told before. */
  readonly seen: number;
  readonly cpu: WindowCpu;
}

/** The lab in a process of its own, told what to do by its parent: the client's time and memory are measured without it. */
export async function runLabProcess(spec: LabSpec): Promise<void> {
  const lab = spec.kind === 'bench' ? await startBench(spec) : await startDemo(spec.disks);
  let seen = 0;
  const cpu = new WindowCpu();
  lab.events.onEvent((event) => cpu.see(event));
  process.on('message', (question: LabQuestion) => {
    void answer(lab, question, { seen, cpu }).then((reply) => {
      if (question.ask === 'seen') seen = lab.events.events.length;
      process.send?.(reply);
      if (question.ask === 'close') process.disconnect();
    });
  });
  const ready: LabReady = { configFile: lab.configFile };
  process.send?.(ready);
}

async function startBench(spec: Extract<LabSpec, { kind: 'bench' }>): Promise<RunningLab> {
  const site = await startBenchSite(spec);
  return { ...site, linksDefined: async () => undefined };
}

async function startDemo(disks: number): Promise<RunningLab> {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'snaphook-bench-'));
  const lab = await startLab({ directory, pace: 0.05, estate: { disks, cylinders: 6 } });
  return {
    configFile: lab.configFile,
    events: lab.events,
    setEstablishMs: () => undefined,
    linksDefined: () => lab.linksDefined(),
    close: async () => {
      await lab.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function answer(lab: RunningLab, question: LabQuestion, { seen, cpu }: Watched): Promise<SeenCalls | true> {
  switch (question.ask) {
    case 'seen': {
      const calls = seenIn(lab.events.events.slice(seen), cpu.ms);
      cpu.reset();
      return calls;
    }
    case 'set-establish':
      lab.setEstablishMs(question.durationMs);
      return true;
    case 'links-defined':
      await lab.linksDefined();
      return true;
    case 'close':
      await lab.close();
      return true;
  }
}

const isEstablish = ({ system, operation }: LabEvent): boolean =>
  system === 'array' && /^POST private\/snapshot/.test(operation);

function seenIn(events: readonly LabEvent[], windowCpuMs: number): SeenCalls {
  const calls: Record<string, number> = {};
  const requests = events.filter(({ kind }) => kind === 'request');
  for (const { system, operation } of requests) {
    const name = `${system} ${operation}`;
    calls[name] = (calls[name] ?? 0) + 1;
  }
  return {
    calls,
    vcenter: requests.filter(({ system }) => system === 'vcenter').length,
    array: requests.filter(({ system }) => system === 'array').length,
    connections: events.filter(({ kind }) => kind === 'connection').length,
    establishMs: events
      .filter((event) => event.kind === 'answer' && isEstablish(event))
      .map(({ detail }) => (typeof detail.tookMs === 'number' ? detail.tookMs : 0)),
    windowCpuMs,
    stoodStill: stoodStill(events),
    inWindow: callsInWindow(events),
  };
}

const HELD = new Set(['HoldWrites', 'Freeze']);
const LET_GO = new Set(['ReleaseWrites', 'Thaw']);

/** Windows tells of writers before it tells of the hold, and of both after it: the first hold and the first end of it count. */
function stoodStill(events: readonly LabEvent[]): SeenCalls['stoodStill'] {
  const effects = events.filter(({ system, kind }) => system === 'guest' && kind === 'effect');
  return [...new Set(effects.map(({ object }) => object))].flatMap((guest) => {
    const own = effects.filter(({ object }) => object === guest);
    const isWindows = own.some(({ operation }) => operation === 'HoldWrites');
    const from = own.find(({ operation }) => HELD.has(operation) && (!isWindows || operation === 'HoldWrites'));
    const to = own.find(({ operation }) => LET_GO.has(operation) && (!isWindows || operation === 'ReleaseWrites'));
    return from && to ? [{ fromMs: from.atMs, toMs: to.atMs }] : [];
  });
}

function callsInWindow(events: readonly LabEvent[]): SeenCalls['inWindow'] {
  const isGuestEffect = (name: RegExp) => (event: LabEvent) =>
    event.system === 'guest' && event.kind === 'effect' && name.test(event.operation);
  const first = events.findIndex(isGuestEffect(/^freeze$/i));
  const last = events.findLastIndex(isGuestEffect(/^thaw$/i));
  if (first < 0 || last < first) return undefined;
  const inside = events.slice(first, last + 1);
  const requests = (system: LabEvent['system']) =>
    inside.filter((event) => event.kind === 'request' && event.system === system).length;
  return {
    array: requests('array'),
    vcenter: requests('vcenter'),
    connections: inside.filter(({ kind }) => kind === 'connection').length,
  };
}
