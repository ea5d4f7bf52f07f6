import '../src/platform/stand-somewhere.ts';
import { runHook } from './run-hook.ts';

void runHook('pre-backup', 'pre', process.argv.slice(2));
