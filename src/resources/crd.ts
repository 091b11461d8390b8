import type { z } from 'zod';
import { GROUP, VERSION } from './group.ts';
import { runnerPoolSpec, runnerPoolStatus } from './runner_pool.ts';
import { runnerTokenSpec, runnerTokenStatus } from './runner_token.ts';
import { type StructuralSchema, structuralSchema } from './structural_schema.ts';

interface PrinterColumn {
  name: string;
  type: 'integer' | 'string' | 'date';
  jsonPath: string;
  description: string;
  /** 0 (default) always shows, 1 only with `-o wide`. */
  priority?: number;
}

/** One kind: what the CRD and its reference page are made from. */
export interface CustomResource {
  kind: string;
  plural: string;
  shortName: string;
  description: string;
  spec: z.ZodType;
  status: z.ZodType;
  columns: PrinterColumn[];
  scale?: { specReplicasPath: string; statusReplicasPath: string; labelSelectorPath: string };
}

export const runnerPoolResource: CustomResource = {
  kind: 'RunnerPool',
  plural: 'runnerpools',
  shortName: 'rp',
  description:
    'A number of ephemeral CI runners made from one pod template, each with an identity of its own.',
  spec: runnerPoolSpec,
  status: runnerPoolStatus,
  scale: {
    specReplicasPath: '.spec.replicas',
    statusReplicasPath: '.status.replicas',
    labelSelectorPath: '.status.selector',
  },
  columns: [
    column('Desired', 'integer', '.spec.replicas', 'Runners asked for.'),
    column('Ready', 'integer', '.status.readyReplicas', 'Runners idle or busy.'),
    column('Idle', 'integer', '.status.idleReplicas', 'Runners waiting for a job.'),
    column('Busy', 'integer', '.status.busyReplicas', 'Runners with a job.'),
    column('Queued', 'integer', '.status.queued', 'Jobs that wait in the forge for such runners.'),
    column('Forge', 'string', '.spec.forge.type', 'Forge the runners join.'),
    column('Age', 'date', '.metadata.creationTimestamp', 'Time since the pool was made.'),
    column(
      'Status',
      'string',
      ".status.conditions[?(@.type=='Ready')].message",
      'How the pool is, in a sentence.',
    ),
    wide('Outdated', 'integer', '.status.outdatedReplicas', 'Runners of an older template.'),
    wide('State', 'string', ".status.conditions[?(@.type=='Ready')].reason", 'Why the pool is ready or not.'),
    wide('Cached', 'integer', '.status.cache.entries', 'Cache entries that its runners saved.'),
    wide('Hits', 'integer', '.status.cache.hits', 'Look-ups that found one.'),
    wide('Misses', 'integer', '.status.cache.misses', 'Look-ups that found none.'),
  ],
};

export const runnerTokenResource: CustomResource = {
  kind: 'RunnerToken',
  plural: 'runnertokens',
  shortName: 'rt',
  description:
    'The identity of one runner while it lives, or what lets runners join a pool. It holds no secret: its JWT or value is in a Secret.',
  spec: runnerTokenSpec,
  status: runnerTokenStatus,
  columns: [
    column('Type', 'string', '.spec.type', 'Runtime or Registration.'),
    column('Pool', 'string', '.spec.poolRef.name', 'Pool of the runners.'),
    // A union: whichever of the two is there.
    column(
      'Runner',
      'string',
      ".spec['podRef','runner'].name",
      'Pod or registered runner that it speaks for.',
    ),
    column('Usage', 'string', '.spec.usage', 'Reusable or OneTime.'),
    column('Uses', 'integer', '.status.uses', 'Registrations it was used for.'),
    column('Last used by', 'string', '.status.lastUsedBy', 'Runner that last joined by it.'),
    column('Phase', 'string', '.status.phase', 'Only an Active token is accepted.'),
    // Not of type date: that prints an age, and "<invalid>" for every time to come.
    column('Expires', 'string', '.*.expiresAt', 'When nobody joins any more, or its JWT ends.'),
    wide('State', 'string', '.status.runner.state', 'What the runner last said of itself.'),
    wide('Last used', 'date', '.status.lastUsedAt', 'Time since somebody joined by it.'),
    wide('Attempt', 'integer', '.spec.attempt', 'Which start of its slot or runner this is.'),
    wide('Reason', 'string', '.status.reason', 'Why the phase is what it is.'),
    wide('Age', 'date', '.metadata.creationTimestamp', 'Time since the token was made.'),
    wide('Description', 'string', '.spec.description', 'What it is for.'),
  ],
};

export const customResources: readonly CustomResource[] = [runnerPoolResource, runnerTokenResource];

export function crdName(resource: CustomResource): string {
  return `${resource.plural}.${GROUP}`;
}

/** The schema of a whole object of the kind, as the CRD carries it. */
export function objectSchema(resource: CustomResource): StructuralSchema {
  return {
    description: resource.description,
    type: 'object',
    required: ['spec'],
    properties: {
      apiVersion: { description: `${GROUP}/${VERSION}.`, type: 'string' },
      kind: { description: `${resource.kind}.`, type: 'string' },
      metadata: { type: 'object' },
      spec: structuralSchema(resource.spec, `${resource.kind}.spec`),
      status: structuralSchema(resource.status, `${resource.kind}.status`),
    },
  };
}

/** The kind's apiextensions.k8s.io/v1 CustomResourceDefinition as a plain object. */
export function customResourceDefinition(resource: CustomResource) {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: crdName(resource) },
    spec: {
      group: GROUP,
      scope: 'Namespaced',
      names: {
        kind: resource.kind,
        listKind: `${resource.kind}List`,
        plural: resource.plural,
        singular: resource.kind.toLowerCase(),
        shortNames: [resource.shortName],
        categories: ['harrier'],
      },
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          subresources: { status: {}, ...(resource.scale === undefined ? {} : { scale: resource.scale }) },
          additionalPrinterColumns: resource.columns,
          schema: { openAPIV3Schema: objectSchema(resource) },
        },
      ],
    },
  };
}

function column(
  name: string,
  type: PrinterColumn['type'],
  jsonPath: string,
  description: string,
): PrinterColumn {
  return { name, type, jsonPath, description };
}

function wide(...args: Parameters<typeof column>): PrinterColumn {
  return { ...column(...args), priority: 1 };
}
