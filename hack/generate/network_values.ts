import { z } from 'zod';
import { cidr, flag, objects } from './value_kinds.ts';

/** The chart's values of who may reach whom: a part of chart_values.ts. */
export const networkPolicy = z
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
