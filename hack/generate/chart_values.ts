import { z } from 'zod';
import { ROUTING_VALUE } from '../../src/resources/entity.ts';
import { cache } from './cache_values.ts';
import { keda, webhooks } from './demand_values.ts';
import { networkPolicy } from './network_values.ts';
import { cidr, flag, host, objects, quantity, stringMap, text } from './value_kinds.ts';

/**
 * The values of charts/harrier, once: values.yaml, values.schema.json and the reference page come from here.
 * Every object is strict, so that a misspelt value is refused instead of ignored.
 */

const dnsLabel = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const hours = /^[1-9][0-9]*h([0-9]+m)?([0-9]+s)?$/;

const amounts = z.strictObject({
  cpu: z.union([z.string().regex(quantity), z.number()]).optional(),
  memory: z.string().regex(quantity).optional(),
  'ephemeral-storage': z.string().regex(quantity).optional(),
});

function placement(resources: { requests: Record<string, string>; limits: Record<string, string> }) {
  return {
    resources: z
      .strictObject({ requests: amounts.optional(), limits: amounts.optional() })
      .default(resources)
      .describe('Requests and limits. No CPU limit by default: throttling delays revocation.'),
    podLabels: stringMap('More labels of the pods.'),
    podAnnotations: stringMap('More annotations of the pods.'),
    nodeSelector: stringMap('Nodes that the pods may run on.'),
    tolerations: objects('Tolerations of the pods.'),
    affinity: z.looseObject({}).default({}).describe('Affinity of the pods.'),
    priorityClassName: text('Priority class of the pods.'),
  };
}

const image = z
  .strictObject({
    repository: z.string().min(1).default('harrier').describe('Image without its tag.'),
    tag: text("Tag; the chart's appVersion when empty."),
    digest: z
      .string()
      .regex(/^(sha256:[0-9a-f]{64})?$/)
      .default('')
      .describe('Digest such as sha256:…; wins over the tag.'),
    pullPolicy: z
      .enum(['Always', 'IfNotPresent', 'Never'])
      .default('IfNotPresent')
      .describe('Pull policy, of the sidecars too.'),
  })
  .describe('The one image of controller, api, router and sidecar.');

const registrationTokens = z
  .strictObject({
    prefix: z
      .string()
      .regex(/^[a-z][a-z0-9_-]{0,14}_$/)
      .default('hrt_')
      .describe('What their values begin with where a token says nothing else.'),
    routableNamespaces: z
      .array(z.string().regex(/^(\*|[a-z0-9]([-a-z0-9]*[a-z0-9])?)$/))
      .default([])
      .describe(
        'Namespaces whose values say where they belong, for a router; "*" for all. Pools and tokens may say otherwise.',
      ),
  })
  .describe('The values of registration tokens.');

const credentials = z
  .strictObject({
    allowedHosts: z
      .array(z.string().regex(host))
      .default([])
      .describe(
        'Hosts, as host or host:port, that may validate supplied credentials although they are inside the cluster or ' +
          'its network, or speak plain HTTP. All others must be outside, and https.',
      ),
  })
  .describe('Credentials that pools bring for their runners (spec.token.supplied).');

const forges = z
  .strictObject({
    allowedHosts: z
      .array(z.string().regex(/^(\*|(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?)$/))
      .default(['*'])
      .describe(
        'Hosts that the forges of pools, and their proxies, may be at. "*": any public one over https. A host that is named, ' +
          'as host or host:port, may also be inside the cluster or its network, or speak plain HTTP. Without "*" only those that are named.',
      ),
    namePrefix: z
      .string()
      .regex(/^[a-z]([a-z0-9-]{0,18}[a-z0-9])?$/)
      .default('harrier')
      .describe(
        'What the names of runners in forges begin with. Installations that share a forge need one each.',
      ),
  })
  .describe('Forges that runners join (spec.forge).');

const controller = z
  .strictObject({
    replicas: z
      .int()
      .min(1)
      .max(5)
      .default(1)
      .describe('1, or more for warm standbys: one leads by Lease, and a disruption budget keeps one.'),
    ...placement({ requests: { cpu: '50m', memory: '128Mi' }, limits: { memory: '512Mi' } }),
  })
  .describe('The controller.');

const api = z
  .strictObject({
    replicas: z
      .int()
      .min(1)
      .max(20)
      .default(1)
      .describe('How many; more than one only with both cache.postgres and cache.s3, which they share.'),
    data: z
      .strictObject({
        persistent: flag('Keep the cache on a PersistentVolumeClaim; else it goes with the pod.', false),
        size: z
          .string()
          .regex(quantity)
          .default('10Gi')
          .describe('Size of the claim, or the most that the pod-bound volume may hold.'),
        storageClassName: text("Storage class; the cluster's default when empty."),
        existingClaim: text('A claim made beforehand, instead of one of the chart.'),
      })
      .describe("Where the cache's index and bytes are that are not in PostgreSQL or S3."),
    requestsPerSecond: z
      .int()
      .min(0)
      .default(0)
      .describe('Requests a second that one runner may make; 0 for no limit.'),
    introspection: z
      .strictObject({
        clientsSecret: text(
          'Secret whose key clients.json names those who may ask whether a token is active, each with the SHA-256 of ' +
            'its secret. See docs/verification.md. Nobody may when empty.',
        ),
        requestsPerSecond: z
          .int()
          .min(1)
          .default(500)
          .describe('Questions a second of one client, and of one address.'),
      })
      .describe('POST /v1/introspect (RFC 7662).'),
    serviceAccountAnnotations: stringMap(
      'Annotations of its service account, by which a cloud gives it an identity for S3.',
    ),
    ...placement({ requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '512Mi' } }),
  })
  .describe('The api.');

const httpUrl = z.string().regex(/^https?:\/\/[^\s?#@]+$/);

const trustedIssuers = z
  .array(
    z.strictObject({
      issuer: httpUrl.describe('The iss claim of its tokens.'),
      jwksUri: httpUrl.describe('Where its public keys are.'),
      introspection: z.strictObject({
        url: httpUrl.describe('Where it says whether a token is active.'),
        clientId: z.string().min(1).max(256).describe('Who we are there; its tokens for us name it in aud.'),
        secret: z.strictObject({ name: z.string().min(1), key: z.string().min(1) }),
      }),
      allowHttp: z.boolean().optional(),
    }),
  )
  .max(100)
  .default([])
  .describe('Other installations whose runners are served as visitors: see docs/verification.md.');

const router = z
  .strictObject({
    enabled: flag('Run routers: one address before the apis of several cells. See docs/router.md.', false),
    replicas: z.int().min(1).max(100).default(2).describe('How many; they know nothing of each other.'),
    cells: z
      .record(
        z.string().max(ROUTING_VALUE.maxLength).regex(ROUTING_VALUE.pattern),
        z.strictObject({ url: z.string().regex(/^https?:\/\/[^\s/?#@]+\/?$/) }),
      )
      .default({})
      .describe('The cells by name: {"1": {url: http://harrier-api.harrier.svc}}; numbers in decimal.'),
    defaultCell: text('The cell of requests that name none.'),
    trustedProxies: z
      .array(z.string().regex(cidr))
      .default([])
      .describe('Ranges of proxies in front whose X-Forwarded-For, -Proto and -Host count.'),
    ...placement({ requests: { cpu: '100m', memory: '96Mi' }, limits: { memory: '512Mi' } }),
  })
  .describe('The routers.');

export const chartValues = z.strictObject({
  image,
  imagePullSecrets: z
    .array(z.strictObject({ name: z.string().min(1) }))
    .default([])
    .describe('Secrets to pull the image with.'),
  runnerNamespaces: z
    .array(z.string().min(1).max(63).regex(dnsLabel))
    .default([])
    .describe(
      "Namespaces whose pools are served; they must exist. The release's own when empty, which is for trying " +
        'out: whoever may make pods there could mount the signing keys.',
    ),
  issuer: z
    .string()
    .regex(/^(https?:\/\/[^\s?#]+)?$/)
    .default('')
    .describe(
      'The iss claim, and where verifiers find the keys; http://harrier-api.<namespace>.svc when empty.',
    ),
  audience: z.string().min(1).max(256).default('harrier').describe("The api's own audience."),
  cell: z
    .string()
    .max(63)
    .regex(/^([A-Za-z0-9][A-Za-z0-9._/-]*)?$/)
    .default('')
    .describe(
      'Cell that this installation is: for pools that name none, and for the URLs that the api signs.',
    ),
  registrationTokens,
  credentials,
  forges,
  keyRotation: z
    .string()
    .regex(hours)
    .default('720h')
    .describe('How long a signing key signs before the next takes over; at least 1h.'),
  logLevel: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace'])
    .default('info')
    .describe('How much is logged.'),
  crds: z
    .strictObject({
      install: flag(
        'Install and upgrade the CRDs. Off for a second release in the same cluster; where they are already ' +
          'there from elsewhere, helm install --take-ownership.',
        true,
      ),
      keep: flag('Leave the CRDs, and so every pool, when the release is uninstalled.', true),
    })
    .describe('The CustomResourceDefinitions.'),
  userRoles: z
    .strictObject({
      create: flag(
        'Let the built-in roles view, edit and admin see and change pools. Off for a second release.',
        true,
      ),
    })
    .describe('Rights of people.'),
  management: z
    .strictObject({
      enabled: flag(
        'Let people and programs manage caches by the api, with tokens of Kubernetes, and see the page at /ui. Makes a ' +
          'ClusterRole by which the api may ask whose a token is. See docs/cache_management.md.',
        false,
      ),
    })
    .describe('Management of caches, and the page.'),
  controller,
  api,
  cache,
  webhooks,
  keda,
  trustedIssuers,
  router,
  networkPolicy,
  metrics: z
    .strictObject({
      grafanaDashboard: z
        .strictObject({
          enabled: flag("Make a ConfigMap with a dashboard, for Grafana's sidecar.", false),
          namespace: text("Where it is made, such as Grafana's own; the release's when empty."),
          labels: z
            .record(z.string(), z.string())
            .default({ grafana_dashboard: '1' })
            .describe("Labels by which Grafana's sidecar finds it."),
        })
        .describe('The dashboard for Grafana.'),
    })
    .describe('What is made of the metrics.'),
  serviceMonitor: z
    .strictObject({
      enabled: flag('Make a ServiceMonitor; needs the Prometheus Operator.', false),
      interval: z
        .string()
        .regex(/^[0-9]+(ms|s|m)$/)
        .default('30s')
        .describe('Scrape interval.'),
      labels: stringMap('Labels that the Prometheus selects by.'),
    })
    .describe('Metrics for the Prometheus Operator.'),
});
