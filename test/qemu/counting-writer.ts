import type { BlockDevice } from '../../src/lab/devices/block-device.ts';
import { TRACK_BYTES } from '../../src/lab/devices/store-contract.ts';
import type { ArrayGuest } from './array-guest.ts';

/**
 * One writer: counts up in a file on every file system, on the next only when the last one has acknowledged. In memory it
 * notes each acknowledgement with the guest's time since its boot, in milliseconds. Between two rounds, never inside one, it
 * rests while /run/writer.pause exists, and says so by /run/writer.rests. A moment after each round leaves an emulated
 * processor to others. 228 is clock_gettime of x86-64, 7 CLOCK_BOOTTIME.
 */
const PROGRAM = `
  use IO::Handle;
  my @files = map { open(my $file, "+>", "$_/counter") or die; $file } @ARGV;
  open(my $acknowledged, ">", "/run/writer.acknowledged") or die;
  my $record = 0;
  for (my $count = 1; ; $count++) {
    if (-e "/run/writer.pause") {
      open(my $rests, ">", "/run/writer.rests") or die;
      select(undef, undef, undef, 0.01) while -e "/run/writer.pause";
      unlink "/run/writer.rests";
    }
    select(undef, undef, undef, 0.01);
    for my $file (@files) {
      sysseek($file, 0, 0);
      syswrite($file, sprintf("SNAPHOOK-COUNT-%08d%s", $count, "." x 4073)) == 4096 or die;
      $file->sync or die;
      syscall(228, 7, my $now = "\\0" x 16) == 0 or die;
      my ($seconds, $nanoseconds) = unpack("qq", $now);
      syswrite($acknowledged, sprintf("%.3f %d\\n", $seconds * 1000 + $nanoseconds / 1e6, ++$record));
    }
  }`;
const MARK = Buffer.from('SNAPHOOK-COUNT-');

/** A record that reached its disk, as the writer knows. */
export interface Acknowledged {
  /** Since the guest's boot. */
  readonly atMs: number;
  /** 1, 2, 3, ...: the first file system has 1, the second 2, ... */
  readonly record: number;
}

/** The longest time without an acknowledgement. */
export interface Standstill {
  readonly lengthMs: number;
  readonly lastBefore: Acknowledged;
}

export interface CountingWriter {
  acknowledged(): Promise<readonly Acknowledged[]>;
  lastRecord(): Promise<number>;
  /** What it complained of: nothing, when all was well. */
  end(): Promise<string>;
}

/** Starts it on all file systems of the guest, in the order of its disks. */
export async function startCountingWriter({ output, mountPoints }: ArrayGuest): Promise<CountingWriter> {
  await output(`cat >/run/writer.pl <<'END'\n${PROGRAM}\nEND`);
  await output(
    `setsid perl /run/writer.pl ${mountPoints.join(' ')} >/run/writer.log 2>&1 </dev/null & echo $! >/run/writer.pid
    until test -s /run/writer.acknowledged; do sleep 0.05; done`,
  );
  const parsed = (lines: string) =>
    lines
      .split('\n')
      .map((line) => line.split(' ').map(Number))
      .map(([atMs = 0, record = 0]): Acknowledged => ({ atMs, record }));
  return {
    acknowledged: async () => parsed(await output('cat /run/writer.acknowledged')),
    lastRecord: async () => parsed(await output('tail -n 1 /run/writer.acknowledged'))[0]?.record ?? 0,
    end: () => output('kill $(cat /run/writer.pid) && cat /run/writer.log'),
  };
}

/** Among the records from `since` on. */
export function longestStandstill(acknowledged: readonly Acknowledged[], since: number): Standstill {
  let longest: Standstill = { lengthMs: 0, lastBefore: { atMs: 0, record: 0 } };
  let before: Acknowledged | undefined;
  for (const next of acknowledged) {
    if (before && before.record >= since && next.atMs - before.atMs > longest.lengthMs)
      longest = { lengthMs: next.atMs - before.atMs, lastBefore: before };
    before = next;
  }
  return longest;
}

/** The counts on the file systems once that many records were written. */
export const countsAfter = (records: number, fileSystems: number): readonly number[] =>
  Array.from({ length: fileSystems }, (_, index) => Math.floor((records + fileSystems - 1 - index) / fileSystems));

/** The highest count anywhere in these bytes: btrfs writes each elsewhere. */
export function highestCountIn(bytes: Buffer): number {
  let highest = 0;
  for (let at = bytes.indexOf(MARK); at >= 0; at = bytes.indexOf(MARK, at + 1))
    highest = Math.max(highest, Number(bytes.subarray(at + MARK.length, at + MARK.length + 8)) || 0);
  return highest;
}

/** The same for a device, of which only these runs of tracks were ever written. */
export function highestCount(
  blocks: BlockDevice,
  extents: readonly { readonly firstTrack: number; readonly tracks: number }[],
): number {
  const counts = extents.map(({ firstTrack, tracks }) =>
    highestCountIn(blocks.read(firstTrack * TRACK_BYTES, tracks * TRACK_BYTES)),
  );
  return Math.max(0, ...counts);
}
