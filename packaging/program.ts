import '../src/platform/stand-somewhere.ts';
import '../src/platform/without-fetch.ts';
import path from 'node:path';

/**
 * The one program of a release. Called by a hook's name, as a link, a copy, or by `argv[0]` alone, it is that hook; else it is
 * `snaphook`. Each is loaded only when it is the one.
 */
const names = [process.argv0, process.execPath].map((called) => path.parse(called).name.toLowerCase());

if (names.includes('pre-backup')) void import('../hooks/pre-backup.ts');
else if (names.includes('post-backup')) void import('../hooks/post-backup.ts');
else void import('../src/cli/snaphook.ts');
