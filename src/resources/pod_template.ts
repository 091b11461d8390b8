import { z } from 'zod';
import { GROUP, PodPart } from './group.ts';

const listByName = { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] };

/** Selection, adoption and revocation go by Harrier's own labels: nobody else may set them. */
const withoutReservedKeys = {
  maxProperties: 64,
  'x-kubernetes-validations': [
    {
      rule: `!self.exists(key, key.startsWith('${GROUP}/'))`,
      message: `keys that begin with ${GROUP}/ are Harrier's own`,
    },
  ],
};

const namedPart = (what: string) =>
  z.looseObject({ name: z.string().max(63).describe(`Name of the ${what}.`) }).describe(`The ${what}.`);

/** A PodSpec switch under which a job could reach the sidecar of its own or another pod around the network. */
const refusedSwitch = (description: string) =>
  z
    .boolean()
    .optional()
    .describe(description)
    .meta({ 'x-kubernetes-validations': [{ rule: '!self', message: 'must not be true for a runner' }] });

/** The pod template of a RunnerPool, with what Harrier keeps for itself refused at apply. */
export const template = z
  .object({
    metadata: z
      .object({
        labels: z
          .record(z.string(), z.string().max(63))
          .optional()
          .describe('Labels of every runner pod.')
          .meta(withoutReservedKeys),
        annotations: z
          .record(z.string(), z.string())
          .optional()
          .describe('Annotations of every runner pod.')
          .meta(withoutReservedKeys),
      })
      .optional()
      .describe('Labels and annotations of the runner pods; harrier.dev/ keys are reserved.'),
    spec: z
      .looseObject({
        containers: z
          .array(namedPart('container'))
          .min(1)
          .max(32)
          .describe('Containers; the one named runner runs the job.')
          .meta(listByName),
        initContainers: z
          .array(namedPart('init container'))
          .max(32)
          .optional()
          .describe("Init containers and native sidecars; Harrier's own sidecar comes before them.")
          .meta(listByName),
        volumes: z
          .array(namedPart('volume'))
          .max(64)
          .optional()
          .describe("Volumes; Harrier's own comes on top.")
          .meta(listByName),
        shareProcessNamespace: refusedSwitch("Refused: the job would see into the sidecar's files."),
        hostPID: refusedSwitch("Refused: the job would see into every sidecar's files on the node."),
        hostNetwork: refusedSwitch('Refused: the job would reach the sidecars of other runners.'),
      })
      .meta({
        'x-kubernetes-validations': [
          {
            rule: `self.containers.exists(c, c.name == '${PodPart.runnerContainer}')`,
            message: `must have a container named ${PodPart.runnerContainer}: the one that runs the job`,
            fieldPath: '.containers',
          },
          {
            rule: `!self.containers.exists(c, c.name == '${PodPart.sidecarContainer}')`,
            message: `the container name ${PodPart.sidecarContainer} is taken by Harrier's own sidecar`,
            fieldPath: '.containers',
          },
          {
            rule: `!has(self.initContainers) || !self.initContainers.exists(c, c.name == '${PodPart.sidecarContainer}')`,
            message: `the container name ${PodPart.sidecarContainer} is taken by Harrier's own sidecar`,
            fieldPath: '.initContainers',
          },
          {
            rule: `!has(self.volumes) || !self.volumes.exists(v, v.name == '${PodPart.tokenVolume}')`,
            message: `the volume name ${PodPart.tokenVolume} is taken by Harrier's own volume`,
            fieldPath: '.volumes',
          },
        ],
      })
      .describe('A core/v1 PodSpec; all that a PodSpec may hold is kept.'),
  })
  .describe('The pod template of a runner.');
