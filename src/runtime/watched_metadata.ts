import { z } from 'zod';

/** What a watch needs of any object: of those of which little else is kept, the rest would be most of their memory. */
export const watchedMetadata = z.object({
  name: z.string(),
  namespace: z.string(),
  uid: z.string(),
  resourceVersion: z.string(),
  creationTimestamp: z.string(),
  deletionTimestamp: z.string().optional(),
});
