import { z } from 'zod';
import { quantity } from './quantity.ts';

const artifactDefaults = { enabled: false, maxRetentionDays: 90 } as const;

export const poolArtifacts = z
  .object({
    enabled: z
      .boolean()
      .default(artifactDefaults.enabled)
      .describe(
        "Whether Harrier keeps the artifacts (v4) that jobs upload; else the requests go to the forge's own results service.",
      ),
    maxRetentionDays: z
      .int()
      .min(1)
      .max(400)
      .default(artifactDefaults.maxRetentionDays)
      .describe('After so many days an artifact is removed, or sooner when its job says so.'),
    quota: quantity(
      "Bytes that the artifacts of the pool's tenant (its repository, else the pool) may have together; no limit when absent.",
      { min: '1Mi', max: '1Pi' },
    ).optional(),
  })
  .default(artifactDefaults)
  .describe('Artifacts of workflow runs, for forges that have no service for them.');
