import { z } from 'zod';
import { cidr, flag, objects, stringMap, text } from './value_kinds.ts';

/** The chart's values of what tells Harrier of jobs, and whom it tells: a part of chart_values.ts. */
export const webhooks = z
  .strictObject({
    enabled: flag(
      'Take the webhooks of forges on a port of its own, behind the Service harrier-webhooks: whoever reaches that ' +
        'reaches nothing else. See docs/autoscaling.md.',
      false,
    ),
    from: objects('NetworkPolicyPeers that may reach that port, such as the ingress controller.'),
    trustedProxies: z
      .array(z.string().regex(cidr))
      .default([])
      .describe(
        'Ranges of the proxies in front, whose X-Forwarded-For counts: without them all who are refused share one limit.',
      ),
    service: z
      .strictObject({
        type: z.enum(['ClusterIP', 'NodePort', 'LoadBalancer']).default('ClusterIP').describe('Its type.'),
        annotations: stringMap('Its annotations.'),
      })
      .describe('The Service harrier-webhooks; its port is 80.'),
    ingress: z
      .strictObject({
        enabled: flag('Make an Ingress for the path /webhooks/ alone.', false),
        className: text("Its class; the cluster's default when empty."),
        host: text('Host name that the forges use.'),
        tlsSecret: text('Secret with the certificate for it; no TLS at the ingress when empty.'),
        annotations: stringMap('Its annotations.'),
      })
      .describe('A way from outside, by an ingress controller.'),
    httpRoute: z
      .strictObject({
        enabled: flag('Make an HTTPRoute for the path /webhooks/ alone; needs the Gateway API.', false),
        parentRefs: z
          .array(z.looseObject({ name: z.string().min(1) }))
          .default([])
          .describe('Its gateways.'),
        hostnames: z.array(z.string().min(1)).default([]).describe('Host names that the forges use.'),
      })
      .describe('A way from outside, by a gateway.'),
  })
  .describe('Webhooks of forges.');

export const keda = z
  .strictObject({
    enabled: flag(
      'Answer KEDA as an external scaler, by gRPC at harrier-keda:9090. See docs/autoscaling.md.',
      false,
    ),
    from: objects("NetworkPolicyPeers that may reach that port: KEDA's operator."),
    tls: z
      .strictObject({
        secret: text('Secret with tls.crt and tls.key of the scaler; plain text when empty.'),
        clientCertificates: flag(
          "Ask KEDA for a certificate of the authority in the Secret's ca.crt.",
          false,
        ),
      })
      .describe('TLS of the scaler. A renewed certificate is taken up without a restart.'),
  })
  .describe('An external scaler for KEDA.');
