import { join } from 'node:path';
import { start } from '../hack/run/started.ts';
import type { Lab } from './lab.ts';
import { type Peer, peerLookups, peerOf } from './peer.ts';
import { runnersOf } from './pool.ts';
import { residentMiB } from './resident.ts';
import { workingToken } from './runner_tokens.ts';
import { fill, saveWithPauses } from './saved_entries.ts';
import { type Figure, median, spread } from './statistics.ts';
import { CONNECTIONS, ensureWrk, type Load, type LoadResult, load } from './wrk.ts';

const ROUNDS = 5;
const SECONDS = 4;
/** Until the compiler has seen enough of each server. */
const WARM_UP_SECONDS = 10;
/** Thrice what the best-known peer answered on such a machine, its token check off; its 99th percentile. */
const GOAL = { perSecond: 3 * 5691, p99: 15.5, memoryMiB: 160 };

/** 200 different questions: none has the entry of its first key, each has that of a restore key. */
const BODIES = Array.from({ length: 200 }, (_, index) =>
  JSON.stringify({ keys: [`npm-linux-${index}-zzz`, `npm-linux-${index}`, 'npm-'], version: 'abcd' }),
);

type Rounds = Record<string, LoadResult[]>;

/** Verified requests a second at one api process, wrk beside it on the same cores, and what to compare them with. */
export async function requestsPerSecond(lab: Lab, note: (text: string) => void): Promise<Figure[]> {
  const wrk = await ensureWrk(note);
  const runners = await runnersOf(lab, 'load', 1);
  const url = lab.apis[0]?.url ?? '';
  const headers = {
    authorization: `Bearer ${await workingToken(lab, runners.pods[0]?.metadata.name ?? '')}`,
    'content-type': 'application/json',
  };
  note('filling the cache');
  await fill(url, headers, 1000);
  const lookups: Load = { url: `${url}/v1/cache/lookup`, method: 'POST', headers, bodies: BODIES };
  const answer = await fetch(lookups.url, { method: 'POST', headers, body: BODIES[0] ?? '' });
  await using bare = start(process.execPath, [
    join(import.meta.dirname, 'bare_answer_server.ts'),
    await answer.text(),
  ]);
  const [barePort = ''] = await bare.line(/^\d+$/);
  const peer = peerOf(process.env);
  const loads = {
    ours: lookups,
    bare: { ...lookups, url: `http://127.0.0.1:${barePort}/v1/cache/lookup` },
    runner: { url: `${url}/v1/runner`, method: 'GET', headers } as const,
    ...(peer && { peer: await peerLookups(peer) }),
  };
  const rounds = await inTurn(wrk, loads, note);
  note('cache look-up while others save');
  const saving = saveWithPauses(url, headers);
  const disturbed = await load(wrk, lookups, SECONDS);
  await saving.stop();
  const memory = await residentMiB(lab.apis[0]?.pid ?? 0);
  await runners.gone();
  return figures(rounds, disturbed, memory, peer);
}

/** Every load in every round, so that whatever else the machine does meets all of them. */
async function inTurn(wrk: string, loads: Record<string, Load>, note: (text: string) => void) {
  const rounds: Rounds = Object.fromEntries(Object.keys(loads).map((name) => [name, []]));
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [name, one] of Object.entries(loads)) {
      note(round === 0 ? `${name}, to warm up` : `${name}, round ${round} of ${ROUNDS}`);
      const result = await load(wrk, one, round === 0 ? WARM_UP_SECONDS : SECONDS);
      if (round > 0) rounds[name]?.push(result);
    }
  }
  return rounds;
}

function figures(rounds: Rounds, disturbed: LoadResult, memory: number, peer: Peer | undefined): Figure[] {
  const ours = summary(rounds.ours);
  const ratioTo = (name: string) =>
    rounds[name]?.map(({ perSecond }, round) => (rounds.ours?.[round]?.perSecond ?? 0) / perSecond) ?? [];
  const againstBare = ratioTo('bare');
  const againstPeer = ratioTo('peer');
  return [
    {
      name: '200 verified cache look-ups by restore key among 1,000 entries, in turn',
      value: `${ours.text}  (${CONNECTIONS} connections, ${ROUNDS} rounds)`,
      goal: { text: `>= ${GOAL.perSecond}/s`, met: ours.perSecond >= GOAL.perSecond },
    },
    {
      name: 'their 99th percentile',
      value: `${ours.p99.toFixed(1)} ms`,
      goal: { text: `<= ${GOAL.p99} ms`, met: ours.p99 <= GOAL.p99 },
    },
    {
      name: 'the same, ratio to a bare Node server that answers a constant',
      value: `${median(againstBare).toFixed(2)} ${spread(againstBare, 2)}  (${summary(rounds.bare).text})`,
    },
    ...(peer === undefined
      ? []
      : [
          {
            name: `the same, ratio to ${new URL(peer.url).host}`,
            value: `${median(againstPeer).toFixed(2)} ${spread(againstPeer, 2)}  (${summary(rounds.peer).text})`,
            goal: { text: '>= 3', met: median(againstPeer) >= 3 },
          },
        ]),
    {
      name: 'the same while another job saves 10 entries a second',
      value: `${Math.round(disturbed.perSecond)}/s, p99 ${disturbed.p99.toFixed(1)} ms`,
    },
    {
      name: 'api resident after them',
      value: `${memory.toFixed(0)} MiB`,
      goal: { text: `<= ${GOAL.memoryMiB} MiB`, met: memory <= GOAL.memoryMiB },
    },
    { name: 'verified GET /v1/runner', value: summary(rounds.runner).text },
  ];
}

function summary(results: readonly LoadResult[] = []) {
  const rates = results.map(({ perSecond }) => perSecond);
  const perSecond = median(rates);
  const p99 = median(results.map((one) => one.p99));
  return { perSecond, p99, text: `${Math.round(perSecond)}/s ${spread(rates)}, p99 ${p99.toFixed(1)} ms` };
}
