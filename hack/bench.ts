/** `make bench`: every measure in one run, each beside what it is compared with. Names choose: `node hack/bench.ts throughput`. */

import { agents } from '../bench/agents.ts';
import { concurrentRestores } from '../bench/concurrent_restores.ts';
import { firstStep } from '../bench/first_step.ts';
import { inspectRate } from '../bench/inspect.ts';
import { openLab } from '../bench/lab.ts';
import { lookupScale } from '../bench/lookup_scale.ts';
import { memory } from '../bench/memory.ts';
import { nodeLocal } from '../bench/node_local.ts';
import { parallelRestores } from '../bench/parallel_restores.ts';
import { podsPerSecond } from '../bench/pods_per_second.ts';
import { registrations } from '../bench/registrations.ts';
import { requestsPerSecond } from '../bench/requests_per_second.ts';
import { revocation } from '../bench/revocation.ts';
import { router } from '../bench/router.ts';
import { type Figure, printFigure } from '../bench/statistics.ts';
import { throughput } from '../bench/throughput.ts';
import { type Note, step } from './progress.ts';

/** These need nothing but the processor. */
const WITHOUT_LAB = { inspect: inspectRate, lookups: lookupScale, restores: parallelRestores };
const MEASURES = {
  pods: podsPerSecond,
  revocation,
  requests: requestsPerSecond,
  registrations,
  throughput,
  together: concurrentRestores,
  router,
  memory,
  agents,
  'node-local': nodeLocal,
};

/** These bring a cluster with a real node of their own. */
const ON_NODE = { 'first-step': firstStep };

const chosen = process.argv.slice(2);
const names = [WITHOUT_LAB, MEASURES, ON_NODE].flatMap(Object.keys);
const unknown = chosen.filter((name) => !names.includes(name));
if (unknown.length > 0) {
  console.error(`no measure ${unknown.join(', ')}: there are ${names.join(', ')}`);
  process.exit(2);
}

const figures: Figure[] = [];
const isWanted = ([name]: [string, unknown]) => chosen.length === 0 || chosen.includes(name);
/** All at once, or one after the other where a measure takes long. */
type Measured = Figure[] | Promise<Figure[]> | AsyncIterable<Figure>;
async function take(name: string, measure: (note: Note) => Measured): Promise<void> {
  await step(name, async (note) => {
    for await (const figure of await measure(note)) {
      printFigure(figure);
      figures.push(figure);
    }
  });
}

for (const [name, measure] of Object.entries(WITHOUT_LAB).filter(isWanted)) await take(name, measure);
const inLab = Object.entries(MEASURES).filter(isWanted);
if (inLab.length > 0) {
  await using lab = await step('a control plane with simulated nodes', openLab);
  for (const [name, measure] of inLab) await take(name, (note) => measure(lab, note));
}
for (const [name, measure] of Object.entries(ON_NODE).filter(isWanted)) await take(name, measure);
console.log('');
for (const figure of figures) printFigure(figure);
