import type { Verdict } from '../../credentials/verdict.ts';
import { isKubeError } from '../../kube/errors.ts';
import type { EventText } from '../../kube/events.ts';
import { RunnerTokenKind } from '../../kube/kinds.ts';
import { API_VERSION, FIRST_REQUEST, tokenSecretName } from '../../resources/group.ts';
import type { RunnerPool } from '../../resources/runner_pool.ts';
import type { RunnerToken } from '../../resources/runner_token.ts';
import type { Recorded } from '../../resources/supplied.ts';
import type { IssuedToken } from '../../tokens/issue.ts';
import { ownerOfRunner } from '../credentials/owner.ts';
import { ownedBy, secretHeadKind } from '../kinds.ts';
import { type RequestHands, serveRequest } from '../requests/serve_request.ts';
import { issuedStatus, issuedValues } from '../requests/token_request.ts';
import { endToken } from '../token/end_token.ts';
import { tokenData } from '../token/token_manifest.ts';
import { writeTokenStatus } from '../token/token_status.ts';
import { withCredential } from './credential_condition.ts';
import type { RegisteredAction } from './observed.ts';

/** Carries out one action about a registered runner's identity. */
export async function executeRegisteredAction(
  action: RegisteredAction,
  token: RunnerToken,
  pool: RunnerPool | undefined,
  hands: RequestHands,
  now: Date,
): Promise<void> {
  switch (action.type) {
    case 'IssueFirst':
      if (pool !== undefined) await issueFirst(token, pool, action, hands);
      return;
    case 'ServeRequest':
      if (pool !== undefined) await serveRequest(token, pool, hands);
      return;
    case 'TellCredential':
      return await tellCredential(token, action.verdict, hands, now);
    case 'EndToken':
      return await endToken(token, action.phase, action, hands, now);
    case 'Collect': {
      const { namespace, name, uid } = token.metadata;
      await hands.client.delete(RunnerTokenKind, namespace, name, { uid });
    }
  }
}

/**
 * The first JWT goes to the api that waits for it, or into a Secret for whoever made the token by hand. A crash between
 * the two writes leaves a token whose JWT is issued anew, by itself or when the api asks: the earlier one is the same
 * runner's. The api is given it last, since whoever has it may come with it at once, and only an Active token lets in.
 */
async function issueFirst(
  token: RunnerToken,
  pool: RunnerPool,
  { recorded = ownerOfRunner(token, pool).own }: { recorded?: Recorded | undefined },
  hands: RequestHands,
): Promise<void> {
  const issued = await hands.issue(token, pool);
  const active = {
    phase: 'Active' as const,
    poolUid: pool.metadata.uid,
    recorded,
    ...issuedStatus(issued),
  };
  if (token.spec.delivery === 'Api') {
    await writeTokenStatus(token, active, hands, { unchanged: true });
    await hands.handover.put(token.metadata.uid, FIRST_REQUEST, issuedValues(issued));
    return;
  }
  await makeSecret(token, issued, hands);
  const secretRef = { name: tokenSecretName(token.metadata.name) };
  await writeTokenStatus(token, { ...active, secretRef }, hands, { unchanged: true });
}

async function tellCredential(
  token: RunnerToken,
  verdict: Verdict,
  hands: RequestHands,
  now: Date,
): Promise<void> {
  await writeTokenStatus(token, { conditions: withCredential(token, verdict, now) }, hands, {
    unchanged: true,
  });
  const event: EventText = verdict.good
    ? { type: 'Normal', reason: 'CredentialAccepted', message: 'the supplied credential is good' }
    : { type: 'Warning', reason: verdict.reason, message: verdict.message };
  hands.events.record(RunnerTokenKind, token, event);
}

async function makeSecret(token: RunnerToken, issued: IssuedToken, { client }: RequestHands): Promise<void> {
  const { namespace, name, uid } = token.metadata;
  const secret = tokenSecretName(name);
  try {
    await client.create(secretHeadKind, {
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'Opaque',
      metadata: {
        name: secret,
        namespace,
        ownerReferences: [{ apiVersion: API_VERSION, kind: 'RunnerToken', name, uid, controller: true }],
      },
      data: tokenData(issued),
    });
  } catch (error) {
    if (!isKubeError(error, 'alreadyExists')) throw error;
    // Made before a crash, with a JWT as good as this one; or somebody else's, which is not touched.
    const there = await client.get(secretHeadKind, namespace, secret);
    if (there === undefined || !ownedBy(there, uid)) throw error;
  }
}
