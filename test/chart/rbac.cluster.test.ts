import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { useCluster } from '../support/cluster.ts';
import { apply, kinds, type Manifest, render } from './chart.ts';
import { eventually } from './harrier_process.ts';

const cluster = useCluster();
const clusterRoles: Manifest[] = [];
let runners: string;

interface Rule {
  verbs: string[];
  apiGroups: string[];
  resources: string[];
  resourceNames?: string[];
}

beforeAll(async () => {
  runners = await cluster.newNamespace();
  const values = { runnerNamespaces: [runners] };
  const manifests = await render({ namespace: cluster.namespace, values });
  const kept = ['ServiceAccount', 'Role', 'RoleBinding'];
  await apply(
    cluster,
    manifests.filter((one) => kept.includes(one.kind)),
  );
  // Under names of the test's own: the cluster may have Harrier installed.
  const suffix = randomBytes(4).toString('hex');
  for (const role of kinds(manifests, 'ClusterRole'))
    clusterRoles.push({ ...role, metadata: { ...role.metadata, name: `${role.metadata.name}-${suffix}` } });
  await apply(cluster, clusterRoles);
  // The apiserver itself learns of Roles and RoleBindings by a watch.
  for (const part of ['controller', 'api'])
    for (const where of [cluster.namespace, runners])
      await eventually(
        async () => expect(await rights(part, where)).toHaveLength(granted(manifests, part, where).length),
        40_000,
        () => `the rights of harrier-${part} in ${where}`,
      );
}, 240_000);

afterAll(async () => {
  for (const { metadata } of clusterRoles) await cluster.kubectl('delete', 'clusterrole', metadata.name);
});

describe.each(['controller', 'api'])('the service account of the %s', (part) => {
  test.each(['home', 'runners'])(
    'may do in %s what the committed list says, and nothing else',
    async (where) => {
      const lines = (await rights(part, where === 'home' ? cluster.namespace : runners)).map(asLine).sort();
      await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot(`rights/${part}_${where}.txt`);
    },
  );

  test('may do nothing in a namespace whose pools are not served', async () => {
    expect(await rights(part, await cluster.newNamespace())).toEqual([]);
  });

  test('has none of the rights that lead to others', async () => {
    const rules = [...(await rights(part, cluster.namespace)), ...(await rights(part, runners))];
    for (const rule of rules) expect(leadingFurther(rule), asLine(rule)).toEqual([]);
  });
});

test('only the controller reads Secrets, and of its own namespace only the signing keys', async () => {
  const mayGet = (part: string, secret: string, namespace: string) =>
    can(account(part), 'get', `secrets/${secret}`, namespace);
  expect(await mayGet('controller', 'harrier-signing-keys', cluster.namespace)).toBe(true);
  expect(await mayGet('controller', 'another', cluster.namespace)).toBe(false);
  expect(await mayGet('controller', 'any', runners)).toBe(true);
  for (const namespace of [cluster.namespace, runners])
    expect(await mayGet('api', 'harrier-signing-keys', namespace)).toBe(false);
});

test('the api has rights beyond its namespaces only where management is on: to ask whose a token is', async () => {
  const name = `harrier-api-${cluster.namespace}`;
  const ofApi = async (enabled: boolean) =>
    (await render({ namespace: cluster.namespace, values: { management: { enabled } } })).filter(
      (one) => one.kind.startsWith('ClusterRole') && /harrier-api/.test(JSON.stringify(one)),
    );
  expect(await ofApi(false)).toEqual([]);
  const [role, binding, ...more] = await ofApi(true);
  expect(more).toEqual([]);
  expect(role).toMatchObject({
    kind: 'ClusterRole',
    metadata: { name },
    rules: [{ apiGroups: ['authentication.k8s.io'], resources: ['tokenreviews'], verbs: ['create'] }],
  });
  expect(binding).toMatchObject({
    kind: 'ClusterRoleBinding',
    roleRef: { name },
    subjects: [{ kind: 'ServiceAccount', name: 'harrier-api', namespace: cluster.namespace }],
  });
});

test("people's built-in roles take in the kinds: view sees them, edit changes them, nobody their status", {
  timeout: 180_000,
}, async () => {
  for (const role of ['view', 'edit'])
    await cluster.kubectl('create', 'rolebinding', role, `--clusterrole=${role}`, `--user=${role}er`);
  // The controller-manager takes an aggregated role in after a moment.
  await expect
    .poll(() => can('editer', 'update', 'runnerpools.harrier.dev/scale', cluster.namespace), {
      timeout: 40_000,
    })
    .toBe(true);
  const answers = async (user: string) => ({
    readsPools: await can(user, 'list', 'runnerpools.harrier.dev', cluster.namespace),
    readsTokens: await can(user, 'watch', 'runnertokens.harrier.dev', cluster.namespace),
    makesPools: await can(user, 'create', 'runnerpools.harrier.dev', cluster.namespace),
    makesTokens: await can(user, 'create', 'runnertokens.harrier.dev', cluster.namespace),
    disablesTokens: await can(user, 'patch', 'runnertokens.harrier.dev', cluster.namespace),
    revokesTokens: await can(user, 'delete', 'runnertokens.harrier.dev', cluster.namespace),
    readsCaches: await can(user, 'get', 'runnerpools.harrier.dev/caches', cluster.namespace),
    deletesCaches: await can(user, 'delete', 'runnerpools.harrier.dev/caches', cluster.namespace),
    writesStatus: await can(user, 'patch', 'runnertokens.harrier.dev/status', cluster.namespace),
  });
  const reader = {
    readsPools: true,
    readsTokens: true,
    makesPools: false,
    makesTokens: false,
    disablesTokens: false,
    revokesTokens: false,
    readsCaches: true,
    deletesCaches: false,
    writesStatus: false,
  };
  await expect.poll(() => answers('viewer'), { timeout: 40_000 }).toEqual(reader);
  // What viewers may is taken in once more, from the one role into the other.
  await expect
    .poll(() => answers('editer'), { timeout: 40_000 })
    .toEqual({
      readsPools: true,
      readsTokens: true,
      makesPools: true,
      makesTokens: true,
      disablesTokens: true,
      revokesTokens: true,
      readsCaches: true,
      deletesCaches: true,
      writesStatus: false,
    });
});

/** What the chart's RoleBindings in that namespace give the service account. */
function granted(manifests: readonly Manifest[], part: string, namespace: string): Rule[] {
  const here = (kind: string) =>
    kinds(manifests, kind).filter(({ metadata }) => metadata.namespace === namespace);
  const bound = here('RoleBinding')
    .filter(({ subjects }) => subjects.some(({ name }: { name: string }) => name === `harrier-${part}`))
    .map(({ roleRef }) => roleRef.name);
  return here('Role')
    .filter(({ metadata }) => bound.includes(metadata.name))
    .flatMap(({ rules }) => rules as Rule[]);
}

/** Verbs and resources that give more than they say, as the security model lists them. */
function leadingFurther(rule: Rule): string[] {
  const banned = ['*', 'escalate', 'bind', 'impersonate', 'deletecollection'];
  banned.push('pods/exec', 'pods/ephemeralcontainers', 'serviceaccounts/token', 'nodes');
  // Of one named Secret they give no more than get does: the apiserver demands its name in the question.
  if (rule.resources.includes('secrets') && rule.resourceNames === undefined) banned.push('list', 'watch');
  return [...rule.verbs, ...rule.apiGroups, ...rule.resources].filter((word) => banned.includes(word));
}

function account(part: string): string {
  return `system:serviceaccount:${cluster.namespace}:harrier-${part}`;
}

/** The apiserver's own answer, as `kubectl auth can-i --list` asks it, without what every account may. */
async function rights(part: string, namespace: string): Promise<Rule[]> {
  const input = JSON.stringify({
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectRulesReview',
    spec: { namespace },
  });
  const args = ['create', '--validate=false', '--as', account(part), '-o', 'json', '-f', '-'];
  const review = JSON.parse(await cluster.kubectl(...args, { input })) as {
    status: { resourceRules: Rule[] };
  };
  return review.status.resourceRules.filter(
    (rule) =>
      !rule.apiGroups.some((group) => ['authorization.k8s.io', 'authentication.k8s.io'].includes(group)),
  );
}

function asLine(rule: Rule): string {
  const group = rule.apiGroups.map((one) => one || 'core').join(',');
  const names = rule.resourceNames === undefined ? '' : ` named ${rule.resourceNames.join(',')}`;
  return `${group}: ${rule.resources.join(',')}${names}: ${rule.verbs.join(',')}`;
}

async function can(user: string, verb: string, resource: string, namespace: string): Promise<boolean> {
  const [kind = '', name = ''] = resource.split('/');
  const target = ['status', 'scale', 'caches'].includes(name) ? [kind, `--subresource=${name}`] : [resource];
  const args = ['auth', 'can-i', verb, ...target, '--as', user, '--namespace', namespace];
  return (await cluster.kubectl(...args).catch((error: Error) => error.message)).trim() === 'yes';
}
