import type { Registry } from 'prom-client';
import { listedHosts } from '../egress/allowed_hosts.ts';
import type { ForgeType } from '../resources/pool_forge.ts';
import { openExternal } from './external/open.ts';
import type { Forge, ForgeSettings } from './forge.ts';
import { openForgejo } from './forgejo/open.ts';
import { openGitea } from './gitea/open.ts';
import { apiBase } from './github/api_base.ts';
import { openGithub } from './github/open.ts';
import { openGitlab } from './gitlab/open.ts';
import { createForgeHttp } from './http/create_forge_http.ts';
import type { ForgeHttp } from './http/forge_http.ts';

export interface OpenForgeOptions {
  /** Entries of forges.allowedHosts: `host`, `host:port` or `*`. */
  allowedHosts: readonly string[];
  registry?: Registry;
}

interface Adapter {
  open(settings: ForgeSettings, http: ForgeHttp): Forge;
  /** Base of the API by spec.forge.url, where they are not one. */
  base?(url: string): string;
}

const ADAPTERS: Partial<Record<ForgeType, Adapter>> = {
  github: { open: (settings, http) => openGithub(settings, http), base: apiBase },
  gitea: { open: openGitea },
  forgejo: { open: openForgejo },
  gitlab: { open: openGitlab },
  external: { open: (settings, http) => openExternal(settings, http) },
};

/** The pool's forge; asks nothing yet. Throws ForgeError (CredentialsInvalid) where the Secret can't be right. */
export function openForge(settings: ForgeSettings, { allowedHosts, registry }: OpenForgeOptions): Forge {
  const { forge, secret } = settings;
  const adapter = forge.type === 'none' ? undefined : ADAPTERS[forge.type];
  if (adapter === undefined) throw new Error(`runners of a pool of type ${forge.type} join nothing`);
  const http = createForgeHttp({
    forge,
    secret,
    allowed: listedHosts(allowedHosts),
    ...(adapter.base === undefined ? {} : { base: adapter.base(forge.url) }),
    ...(registry === undefined ? {} : { registry }),
  });
  return adapter.open(settings, http);
}
