import { prepared } from './stage.ts';

/** Built with the address and undefined-behaviour sanitizers. */
export const sanitizedHelperProgram = prepared('FREEZE_HELPER_SANITIZED');

/** Knows `--sysfs`, which the program that is installed does not. */
export const otherSysfsHelperProgram = prepared('FREEZE_HELPER_OTHER_SYSFS');
