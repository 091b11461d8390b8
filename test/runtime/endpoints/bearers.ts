import { randomBytes } from 'node:crypto';
import { PodKind, RunnerTokenKind } from '../../../src/kube/kinds.ts';
import type { KubeClient, Manifest } from '../../../src/kube/types.ts';
import { API_VERSION, FieldManager, Label } from '../../../src/resources/group.ts';
import type { RunnerToken } from '../../../src/resources/runner_token.ts';
import type { RunnerStanding } from '../../../src/runtime/served_states.ts';
import { issueToken } from '../../../src/tokens/issue.ts';
import type { SigningKey } from '../../../src/tokens/keys.ts';
import { hashOfValue, makeRegistrationValue } from '../../../src/tokens/registration_value.ts';
import { AUDIENCE, aPool } from '../../tokens/builders.ts';

/** One installation's objects, made as its controller makes them. */
export interface Maker {
  client: KubeClient;
  namespace: string;
  issuer: string;
  key: SigningKey;
  audiences: string[];
  parent: RunnerToken;
}

const POOL = { name: 'linux', uid: 'uid-of-pool' };

async function write(
  client: KubeClient,
  { namespace, name }: RunnerToken['metadata'],
  status: Record<string, unknown>,
  fieldManager: string,
): Promise<RunnerToken> {
  const manifest: Manifest = {
    apiVersion: API_VERSION,
    kind: 'RunnerToken',
    metadata: { namespace, name },
    status,
  };
  return await client.applyStatus(RunnerTokenKind, manifest, { fieldManager, force: true });
}

async function makeToken(
  client: KubeClient,
  namespace: string,
  name: string,
  spec: Record<string, unknown>,
  status: Record<string, unknown>,
): Promise<RunnerToken> {
  const made = await client.create(RunnerTokenKind, {
    apiVersion: API_VERSION,
    kind: 'RunnerToken',
    metadata: { name, namespace },
    spec: { poolRef: POOL, ...spec },
  });
  return await write(client, made.metadata, status, FieldManager.controller);
}

/** A Registration token that lets runners in, and its value. */
export async function makeRegistration(
  client: KubeClient,
  namespace: string,
  form: 'routable' | 'plain',
): Promise<{ token: RunnerToken; value: string }> {
  const routing = form === 'routable' ? { cell: '1', organization: '1' } : undefined;
  const value = makeRegistrationValue('hrt_', routing);
  const spec = { type: 'Registration', usage: 'Reusable', ...(routing === undefined ? {} : { routing }) };
  const status = { phase: 'Active', tokenHash: hashOfValue(value), poolUid: POOL.uid };
  return { token: await makeToken(client, namespace, form, spec, status), value };
}

export interface MakeRunner {
  kind: 'pod' | 'registered' | 'agent';
  standing: RunnerStanding;
  phase?: 'Active' | 'Revoked';
  /** When its JWT was issued; now when absent. */
  issuedAt?: Date;
}

/** A runner in this state; answers the JWT that it has. */
export async function makeRunnerIn(maker: Maker, wanted: MakeRunner): Promise<string> {
  const { client, namespace, issuer, key, audiences, parent } = maker;
  const name = `r-${randomBytes(6).toString('hex')}`;
  const { uid } =
    wanted.kind === 'registered'
      ? { uid: '' }
      : (
          await client.create(PodKind, {
            apiVersion: 'v1',
            kind: 'Pod',
            metadata: { name, namespace, labels: { [Label.pool]: 'linux' } },
            spec: { restartPolicy: 'Never', containers: [{ name: 'runner', image: 'none' }] },
          })
        ).metadata;
  const spec = {
    audiences,
    parentRef: { name: parent.metadata.name, uid: parent.metadata.uid },
    ...(wanted.kind === 'registered' ? { runner: { name } } : { podRef: { name, uid } }),
    ...(wanted.kind === 'agent' ? { agent: true } : {}),
  };
  let token = await makeToken(client, namespace, name, spec, { phase: wanted.phase ?? 'Active' });
  if (wanted.standing !== 'Pending') {
    const runner = { state: wanted.standing, since: new Date().toISOString() };
    token = await write(client, token.metadata, { runner }, FieldManager.api);
  }
  const now = wanted.issuedAt ?? new Date();
  const issued = await issueToken({ token, pool: aPool(), issuer, audience: AUDIENCE, key, now });
  return wanted.kind === 'agent' ? (issued.agentJwt ?? '') : issued.jwt;
}
