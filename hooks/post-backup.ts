import '../src/platform/stand-somewhere.ts';
import { runHook } from './run-hook.ts';

void runHook('post-backup', 'post', process.argv.slice(2));
