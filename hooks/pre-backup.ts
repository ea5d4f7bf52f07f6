import { HOOK_USAGE, readHookCall } from '../integrations/generic/context.ts';
import { stderrReporter } from '../src/cli/console.ts';
import { runHook } from '../src/cli/hook.ts';
import { preVerb } from '../src/cli/pre-verb.ts';

runHook('pre-backup', HOOK_USAGE, readHookCall, (call, configFile, signal) =>
  preVerb({ configFile, context: call.context, vms: call.vms, onOpenRun: call.onOpenRun }, stderrReporter, signal),
);
