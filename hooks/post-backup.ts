import { HOOK_USAGE, readHookCall } from '../integrations/generic/context.ts';
import { stderrReporter } from '../src/cli/console.ts';
import { runHook } from '../src/cli/hook.ts';
import { postVerb } from '../src/cli/post-verb.ts';

runHook('post-backup', HOOK_USAGE, readHookCall, (call, configFile) =>
  postVerb({ configFile, context: call.context }, stderrReporter),
);
