import type { ForgeType } from '../resources/pool_forge.ts';
import { verifyExternalWebhook } from './external/webhook.ts';
import { verifyForgejoWebhook } from './forgejo/webhook.ts';
import { verifyGiteaWebhook } from './gitea/webhook.ts';
import { verifyGithubWebhook } from './github/webhook.ts';
import { verifyGitlabWebhook } from './gitlab/webhook.ts';
import type { VerifyWebhook } from './webhook.ts';

const VERIFIERS: Record<ForgeType, VerifyWebhook> = {
  github: verifyGithubWebhook,
  gitea: verifyGiteaWebhook,
  forgejo: verifyForgejoWebhook,
  gitlab: verifyGitlabWebhook,
  external: verifyExternalWebhook,
};

/** Forges that send webhooks. */
export const WEBHOOK_FORGES = Object.keys(VERIFIERS) as ForgeType[];

/** How the webhooks of this type of forge are told from anybody else's. */
export function verifierOf(type: ForgeType): VerifyWebhook {
  return VERIFIERS[type];
}
