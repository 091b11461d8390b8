import { randomInt } from 'node:crypto';
import { RunnerPoolKind, RunnerTokenKind } from '../../kube/kinds.ts';
import { REGISTRATION_VALUE_KEY } from '../../resources/group.ts';
import type { RunnerToken, RunnerTokenSpec } from '../../resources/runner_token.ts';
import { type Command, type Given, type Io, oneOf } from '../command.ts';
import { Failed, UsageError } from '../failure.ts';
import { newTokenManifest, newTokenSpec, secondsOf } from '../new_token.ts';
import { asObject, json, objectName } from '../objects.ts';
import { CLUSTER_OPTIONS, type Cluster, withCluster } from '../open_cluster.ts';
import { readValue } from '../read_value.ts';
import { waitUntilActive } from '../wait_until_active.ts';

const DEFAULT_TIMEOUT_SECONDS = 30;

export const command: Command = {
  summary: 'make a token by which runners join a pool',
  operands: '',
  details: `Waits until the controller has made the token's value, and prints the token's name. The value is in the
Secret that status.secretRef names; with --show it is printed instead, and the name goes to standard error.
A new reusable token takes the place of the older ones of its pool and scope, whose runners are revoked:
--keep-others leaves them as they are.`,
  example:
    "harrier token create --pool linux --name macs --description 'the Macs of the lab' --expires-in 30d",
  options: {
    ...CLUSTER_OPTIONS,
    output: { type: 'string', short: 'o', value: 'json|name', help: 'another format' },
    pool: { type: 'string', value: 'NAME', help: 'the pool that runners join (required)' },
    name: { type: 'string', value: 'NAME', help: "the token's name; made from the pool's when absent" },
    'one-time': { type: 'boolean', help: 'good for one registration ever' },
    'max-uses': { type: 'string', value: 'N', help: 'good for so many registrations' },
    'expires-in': { type: 'string', value: 'TIME', help: 'such as 90s, 1h30m or 7d; never when absent' },
    description: { type: 'string', value: 'TEXT', help: 'what it is for' },
    scope: {
      type: 'string',
      value: 'SCOPE',
      help: "instance, enterprise:SLUG, organization:NAME or repository:OWNER/NAME; the pool's when absent",
    },
    'keep-others': { type: 'boolean', help: 'deactivate no older token (supersedes: false)' },
    'on-revoke': {
      type: 'string',
      value: 'Drain|Delete',
      help: 'what becomes of busy pods when it is revoked',
    },
    secret: { type: 'string', value: 'NAME', help: 'a Secret of your own with the value' },
    'secret-key': { type: 'string', value: 'KEY', help: 'key of its data; token when absent' },
    show: { type: 'boolean', help: 'print the value, which is a secret' },
    timeout: {
      type: 'string',
      value: 'TIME',
      help: `how long to wait for the value; by default ${DEFAULT_TIMEOUT_SECONDS}s`,
    },
  },
  async run(given, io) {
    if (given.operands.length > 0)
      throw new UsageError('name the pool with --pool and the token with --name');
    const format = oneOf(given, 'output', ['json', 'name']);
    const show = given.flag('show');
    if (show && format !== undefined) throw new UsageError('--show and --output exclude each other');
    const timeoutMs = (secondsOf(given, 'timeout') ?? DEFAULT_TIMEOUT_SECONDS) * 1000;
    const spec = newTokenSpec(given, io.now());
    await withCluster(given, async (cluster) => {
      await requirePool(spec.poolRef.name, cluster);
      const created = await create(given, spec, cluster);
      const token = await waitUntilActive(created, cluster, timeoutMs, io.signal);
      if (format === 'json') return io.out(json(asObject(token)));
      if (format === 'name') return io.out(`${objectName(token)}\n`);
      if (!show) return tell(token, io);
      io.note(`${objectName(token)} created\n`);
      io.out(`${await readValue(token, cluster)}\n`);
    });
  },
};

async function requirePool(name: string, { client, namespace }: Cluster): Promise<void> {
  if ((await client.get(RunnerPoolKind, namespace, name)) !== undefined) return;
  const { items } = await client.list(RunnerPoolKind, namespace);
  const there = items.map((pool) => pool.metadata.name).join(', ') || 'none: choose a namespace with -n';
  throw new Failed(`there is no pool ${name} in the namespace ${namespace}; there is ${there}`);
}

function create(given: Given, spec: RunnerTokenSpec, { client, namespace }: Cluster): Promise<RunnerToken> {
  const name = given.text('name') ?? `${spec.poolRef.name.slice(0, 200)}-${chance(6)}`;
  return client.create(RunnerTokenKind, newTokenManifest(name, namespace, spec));
}

function tell(token: RunnerToken, io: Io): void {
  const { namespace } = token.metadata;
  const key = token.spec.secretRef?.key ?? REGISTRATION_VALUE_KEY;
  io.out(`${objectName(token)} created\n`);
  io.note(
    `Its value: kubectl -n ${namespace} get secret ${token.status?.secretRef?.name} -o go-template='{{index .data "${key}" | base64decode}}'\n`,
  );
}

/** Letters and digits that Kubernetes itself ends names with: none is mistaken for another, none spells a word. */
function chance(length: number): string {
  const characters = 'bcdfghjklmnpqrstvwxz2456789';
  return Array.from({ length }, () => characters[randomInt(characters.length)]).join('');
}
