import * as z from 'zod';

/** What the demo reads of the pre hook's JSON document. */
const preDocument = z.object({
  schema: z.literal('snaphook/pre'),
  runId: z.string(),
  degraded: z.boolean(),
  vms: z.array(z.object({ name: z.string(), grade: z.string(), reasons: z.array(z.string()), evidence: z.unknown() })),
  snapshot: z.object({ name: z.string(), snapId: z.number(), devices: z.array(z.string()) }),
  window: z.object({ lengthMs: z.number(), arrayMs: z.number(), freezeMs: z.number(), thawMs: z.number() }),
  directory: z.string(),
  images: z.array(
    z.object({
      path: z.string(),
      sizeBytes: z.number(),
      dataBytes: z.number(),
      contentHash: z.object({ value: z.string() }),
      device: z.string(),
    }),
  ),
});

export type PreDocument = z.infer<typeof preDocument>;

/** Fails with what the hook said when it did not succeed. */
export function readPreDocument(document: unknown): PreDocument {
  const parsed = preDocument.safeParse(document);
  if (parsed.success) return parsed.data;
  throw new Error(`the pre hook did not succeed: ${JSON.stringify(document)}`);
}
