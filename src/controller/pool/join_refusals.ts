import { PodPart } from '../../resources/group.ts';
import type { RunnerPoolSpec } from '../../resources/runner_pool.ts';
import { joinUserOf, type RunsAs } from './join_user.ts';
import type { TemplateRefusal } from './template_refusal.ts';

type Container = { name: string; securityContext?: RunsAs; volumeMounts?: { mountPath?: unknown }[] };

/** What of the template of a pool with a forge would leave the runner without what it joins with; pure. */
export function joinRefusals({ forge, template }: RunnerPoolSpec): TemplateRefusal[] {
  if (forge.type === 'none') return [];
  const { type } = forge;
  const pod = template.spec as { containers: Container[]; securityContext?: RunsAs };
  return pod.containers.flatMap((container, index) => {
    if (container.name !== PodPart.runnerContainer) return [];
    const root = `spec.template.spec.containers[${index}]`;
    const { user } = joinUserOf(container.securityContext ?? {}, pod.securityContext ?? {}, type);
    return [
      ...(user === undefined
        ? [
            {
              field: `${root}.securityContext.runAsUser`,
              message: 'is needed: what the runner joins its forge with is a file for its own user alone',
            },
          ]
        : []),
      ...mountsOver(container).map((at) => ({
        field: `${root}.volumeMounts[${at}].mountPath`,
        message: `is where the runner finds what it joins its forge with (${PodPart.joinPath})`,
      })),
    ];
  });
}

/** Indices of the mounts that would take the join folder's place. */
function mountsOver({ volumeMounts = [] }: Container): number[] {
  return volumeMounts.flatMap(({ mountPath }, index) =>
    typeof mountPath === 'string' && mountPath.replace(/\/+/g, '/').replace(/\/$/, '') === PodPart.joinPath
      ? [index]
      : [],
  );
}
