import * as z from 'zod';

/** Scripts and plug-ins of a guest, of whatever system. */
export const scriptSettings = {
  scriptSeconds: z.number().min(1).max(300).default(30).describe('for all scripts and plug-ins of one phase together'),
  applications: z
    .array(z.string().regex(/^[\w.-]{1,64}$/, 'letters, digits, dot, dash and underscore'))
    .default([])
    .describe('what scripts or plug-ins must confirm as quiet for the grade application'),
};
