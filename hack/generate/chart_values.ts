import { z } from 'zod';
import { ROUTING_VALUE } from '../../src/resources/entity.ts';
import { keda, webhooks } from './demand_values.ts';

/**
 * The values of charts/harrier, once: values.yaml, values.schema.json and the reference page come from here.
 * Every object is strict, so that a misspelt value is refused instead of ignored.
 */
const text = (description: string, fallback = '') => z.string().default(fallback).describe(description);
const flag = (description: string, fallback: boolean) => z.boolean().default(fallback).describe(description);

const dnsLabel = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const quantity = /^[0-9]+(\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti)?$/;
const hours = /^[1-9][0-9]*h([0-9]+m)?([0-9]+s)?$/;
const cidr = /^([0-9]{1,3}(\.[0-9]{1,3}){3}|[0-9a-fA-F:]+)\/[0-9]{1,3}$/;

const stringMap = (description: string) => z.record(z.string(), z.string()).default({}).describe(description);
const objects = (description: string) => z.array(z.looseObject({})).default([]).describe(description);

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
      .array(z.string().regex(/^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?$/))
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

const s3 = z
  .strictObject({
    bucket: text("Bucket that keeps the cache's bytes; api.data does when empty."),
    endpoint: z
      .string()
      .regex(/^(https?:\/\/[^\s?#@]+)?$/)
      .default('')
      .describe("Base URL of the service, which the runners reach as well; AWS' own when empty."),
    region: text('Region of the bucket.', 'us-east-1'),
    prefix: z
      .string()
      .regex(/^([A-Za-z0-9._-]+\/)*$/)
      .default('harrier/')
      .describe(
        'What all keys begin with. Nobody else, no second Harrier either, may keep anything under it: it would be swept.',
      ),
    pathStyle: flag(
      'Name the bucket in the path instead of in the host, as most services but AWS want it.',
      false,
    ),
    conditionalWrites: flag(
      'Sign If-None-Match: * into uploads, so that no object is written twice; off for services that refuse it.',
      true,
    ),
    credentialsSecret: text(
      "Secret with the keys accessKeyId and secretAccessKey; the cloud's own identity for the service account when empty.",
    ),
    caConfigMap: text(
      "ConfigMap whose key ca.crt has the authorities that vouch for the service; the system's own when empty.",
    ),
  })
  .describe("Where the cache's bytes are: see docs/cache_stores_s3.md.");

const postgres = z
  .strictObject({
    host: text('Name or address of the server. Empty: the index is a file of api.data.'),
    port: z.int().min(1).max(65_535).default(5432).describe('Its port.'),
    database: z.string().min(1).default('harrier').describe('Database, of encoding UTF8.'),
    user: z.string().min(1).default('harrier').describe('Who the api is there.'),
    schema: z.string().min(1).max(63).default('harrier').describe('Schema of the tables, made when absent.'),
    passwordSecret: z
      .strictObject({
        name: text("Secret of Harrier's namespace; none when the server asks for no password."),
        key: z.string().min(1).default('password').describe('Its key.'),
      })
      .describe('The password. A change is taken up without a restart.'),
    tls: z
      .strictObject({
        mode: z
          .enum(['verify-full', 'require', 'disable'])
          .default('verify-full')
          .describe('verify-full proves the server by its certificate; require encrypts only.'),
        caConfigMap: text(
          "ConfigMap whose key ca.crt is the authority that vouches for the server; the image's own authorities when empty.",
        ),
      })
      .describe('TLS to the server.'),
    poolSize: z.int().min(2).max(1000).default(10).describe('Connections of each replica at most.'),
  })
  .describe("PostgreSQL for the cache's index. See docs/cache_stores_postgres.md.");

const cache = z
  .strictObject({
    postgres,
    s3,
    scrubMebibytesPerSecond: z
      .int()
      .min(0)
      .max(10_000)
      .default(8)
      .describe(
        'How fast each api reads its entries through, once a day, to find bytes that have rotted; 0 to never do it.',
      ),
    nodeLocal: z
      .strictObject({
        allowed: flag(
          'Let pools keep on the disks of their nodes what runners restore (spec.cache.nodeLocal). Their namespaces ' +
            'must admit hostPath volumes: see docs/cache_node_local.md.',
          false,
        ),
        path: z
          .string()
          .regex(/^(\/[A-Za-z0-9._-]+)+$/)
          .default('/var/lib/harrier/cache')
          .describe('Folder of the nodes, under which every tenant has its own.'),
        maxSize: z
          .string()
          .regex(quantity)
          .default('20Gi')
          .describe('Most that the runners of one tenant may keep on a node, whatever their pools ask for.'),
      })
      .describe('Copies of restored entries on the disks of the nodes.'),
    freeDiskFloor: z
      .string()
      .regex(/^([0-9]{1,2}(\.[0-9]+)?%|[0-9]+(\.[0-9]{1,3})?(k|Ki|M|Mi|G|Gi|T|Ti|P|Pi)?)$/)
      .default('5%')
      .describe(
        'What of api.data stays free, as a share or a size: the least recently used entries go before it would not. Has no meaning where S3 has the bytes.',
      ),
    openUploadTimeout: z
      .string()
      .regex(/^([0-9]+h)?([0-9]+m)?([0-9]+s)?$/)
      .min(2)
      .default('1h')
      .describe(
        'How long an upload may stand still before its key and its bytes are given back; at least 1m.',
      ),
    allowedHosts: z
      .array(z.string().regex(/^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?$/))
      .default([])
      .describe(
        'Hosts, as host or host:port, where pools may have the keys of job tokens (spec.cache.jobIdentity) although they ' +
          'are inside the cluster or its network, or speak plain HTTP. All others must be outside, and https.',
      ),
  })
  .describe('The cache of all pools; the limits of each are in its spec.cache.limits.');

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

const networkPolicy = z
  .strictObject({
    enabled: flag('Make NetworkPolicies. They need a CNI that enforces them.', true),
    kubernetesApi: z
      .strictObject({
        cidrs: z
          .array(z.string().regex(cidr))
          .default([])
          .describe('Addresses of the apiserver; any when empty.'),
        ports: z
          .array(z.int().min(1).max(65_535))
          .min(1)
          .default([443, 6443])
          .describe('Ports of the apiserver, before and behind its Service.'),
      })
      .describe('Where controller and api reach Kubernetes.'),
    apiFrom: objects(
      'More NetworkPolicyPeers that may reach the api, such as services that fetch the public keys.',
    ),
    routerFrom: objects('NetworkPolicyPeers that may reach the routers, such as an ingress controller.'),
    routerTo: z
      .strictObject({
        cidrs: z
          .array(z.string().regex(cidr))
          .default([])
          .describe('Addresses of the cells; any when empty.'),
        ports: z
          .array(z.int().min(1).max(65_535))
          .min(1)
          .default([80, 443, 8080, 8443])
          .describe("Ports of the cells' apis, before and behind their Services."),
      })
      .describe('Where the routers reach the cells.'),
    s3To: z
      .strictObject({
        cidrs: z
          .array(z.string().regex(cidr))
          .default([])
          .describe('Addresses of the service; any when empty.'),
        ports: z
          .array(z.int().min(1).max(65_535))
          .min(1)
          .default([443, 9000])
          .describe('Its ports, before and behind a Service.'),
      })
      .describe('Where the api reaches the bucket of cache.s3, if there is one.'),
    postgresTo: z
      .strictObject({
        cidrs: z.array(z.string().regex(cidr)).default([]).describe('Addresses of it; any when empty.'),
      })
      .describe('Where the api reaches PostgreSQL, at the port of cache.postgres.'),
    issuersTo: z
      .strictObject({
        cidrs: z
          .array(z.string().regex(cidr))
          .default([])
          .describe('Addresses of the trusted issuers; any when empty.'),
        ports: z
          .array(z.int().min(1).max(65_535))
          .min(1)
          .default([443, 8443])
          .describe('Their ports, before and behind a Service.'),
      })
      .describe(
        'Where the api reaches the trusted issuers and the hosts of cache.allowedHosts, if there are any.',
      ),
    forgesTo: z
      .strictObject({
        cidrs: z
          .array(z.string().regex(cidr))
          .default([])
          .describe('Addresses of the forges; any when empty.'),
        ports: z
          .array(z.int().min(1).max(65_535))
          .default([443])
          .describe(
            'Their ports, behind a Service too; those that forges.allowedHosts names come in addition.',
          ),
      })
      .describe('Where the controller reaches forges, if forges.allowedHosts has any.'),
    controllerTo: objects(
      'More NetworkPolicyEgressRules of the controller: where the services are that validate supplied credentials, ' +
        'when they are elsewhere than on the addresses and ports of kubernetesApi.',
    ),
    metricsFrom: objects('NetworkPolicyPeers that may scrape /metrics.'),
    runners: z
      .strictObject({
        enabled: flag('Also restrict the runner pods: nothing comes in, and out only as below.', true),
        exceptCidrs: z
          .array(z.string().regex(cidr))
          .default(['169.254.0.0/16', 'fe80::/10', 'fd00:ec2::254/128'])
          .describe(
            "Addresses that runners may not reach: the cloud's metadata service; add the apiserver's here.",
          ),
      })
      .describe('What runner pods may reach beside the api and DNS.'),
  })
  .describe('Default deny for Harrier, and what it needs.');

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
