import type { ForgeType } from '../resources/pool_forge.ts';
import { launch as external } from './external/launch.ts';
import { launch as forgejo } from './forgejo/launch.ts';
import { launch as gitea } from './gitea/launch.ts';
import { launch as github } from './github/launch.ts';
import { launch as gitlab } from './gitlab/launch.ts';

const LAUNCHES: Record<ForgeType, readonly string[]> = { github, gitea, forgejo, gitlab, external };

/** The command of a runner container that has none of its own; empty where only the image knows one. */
export function launchOf(type: ForgeType): readonly string[] {
  return LAUNCHES[type];
}

/**
 * Users of the forges' official images: ghcr.io/actions/actions-runner, code.forgejo.org/forgejo/runner, gitea/runner
 * and gitlab/gitlab-runner, of which the last two run as root.
 */
const USERS: Record<Exclude<ForgeType, 'external'>, number> = {
  github: 1001,
  forgejo: 1000,
  gitea: 0,
  gitlab: 0,
};

/** Whom the runner container runs as where its pool does not say; undefined where nobody could know. */
export function usualUserOf(type: ForgeType): number | undefined {
  return type === 'external' ? undefined : USERS[type];
}
