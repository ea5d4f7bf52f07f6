export interface VssWriter {
  /** Class id in lower case, without braces. */
  readonly id: string;
  readonly name: string;
  /** VSS_WRITER_STATE. */
  readonly state: number;
}

const GUID = /\{([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\}/i;

/**
 * What `vssadmin list writers` tells. Its words are of the language of Windows: a writer is a block of lines of which one has a name, the
 * next its class id in braces, one more the id of its instance, and one its state as a number in brackets.
 */
export function parseWriters(output: string): readonly VssWriter[] {
  return output.split(/(?:\r?\n[ \t]*){2,}/).flatMap((block) => {
    const lines = block.split(/\r?\n/);
    const at = lines.findIndex((line) => GUID.test(line));
    const id = GUID.exec(lines[at] ?? '')?.[1];
    const state = /\[(\d+)\]/.exec(lines.slice(at + 1).join('\n'))?.[1];
    const name = /:\s*(.*)$/.exec(lines[at - 1] ?? '')?.[1];
    if (id === undefined || state === undefined || name === undefined) return [];
    return [{ id: id.toLowerCase(), name: unquoted(name), state: Number(state) }];
  });
}

/** Languages have quotation marks of their own, and a code page may have turned them into anything. */
const unquoted = (name: string): string => name.trim().replace(/^[^\p{L}\p{N}(]+|[^\p{L}\p{N}).+]+$/gu, '');

/**
 * Writers of Windows itself, which may have no file on the captured volumes, after "In-Box VSS Writers" (Microsoft): System, Registry, COM+
 * REGDB, ASR, Shadow Copy Optimization, VSS Metadata Store, WMI, Task Scheduler, BITS, IIS Config, IIS Metabase, MSSearch, Performance Counters.
 */
const OF_WINDOWS: ReadonlySet<string> = new Set([
  'e8132975-6f93-4464-a53e-1050253ae220',
  'afbab4a2-367d-4d15-a586-71dbb18f8485',
  '542da469-d3e1-473c-9f4f-7847f01fc64f',
  'be000cbe-11fe-4426-9c58-531aa6355fc4',
  '4dc3bdd4-ab48-4d07-adb0-3bee2926fd7f',
  '75dfb225-e2e4-4d39-9ac9-ffaff65ddf06',
  'a6ad56c2-b509-4e6c-bb19-49d8f43532f0',
  'd61d61c8-d73a-4eee-8cdd-f6f9786b7124',
  '4969d978-be47-48b0-b100-f328f07ac1e0',
  '2a40fd15-dfca-4aa8-a654-1f8c654603f6',
  '59b1f0cf-90ef-465f-9609-6ca8b2938366',
  'cd3f2362-8bef-46c7-9181-d62844cdc0b2',
  '0bada1de-01a9-4625-8278-69e735f39dd2',
]);

/** `vssadmin` tells no components: without a list of names, whatever is not of Windows itself is taken for an application. */
export const isOfWindows = ({ id }: VssWriter): boolean => OF_WINDOWS.has(id);
