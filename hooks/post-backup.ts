import '../src/platform/stand-somewhere.ts';
import '../src/platform/without-fetch.ts';
import { runHook } from './run-hook.ts';

void runHook('post-backup', 'post', process.argv.slice(2));
