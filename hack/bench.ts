/** `make bench`: every measure in one run, each beside what it is compared with. Names choose: `node hack/bench.ts throughput`. */
import { openLab } from '../bench/lab.ts';
import { memory } from '../bench/memory.ts';
import { podsPerSecond } from '../bench/pods_per_second.ts';
import { requestsPerSecond } from '../bench/requests_per_second.ts';
import { revocation } from '../bench/revocation.ts';
import { type Figure, printFigure } from '../bench/statistics.ts';
import { throughput } from '../bench/throughput.ts';
import { step } from './progress.ts';

const MEASURES = {
  pods: podsPerSecond,
  revocation,
  requests: requestsPerSecond,
  throughput,
  memory,
};

const chosen = process.argv.slice(2);
const unknown = chosen.filter((name) => !Object.hasOwn(MEASURES, name));
if (unknown.length > 0) {
  console.error(`no measure ${unknown.join(', ')}: there are ${Object.keys(MEASURES).join(', ')}`);
  process.exit(2);
}

const figures: Figure[] = [];
{
  await using lab = await step('a control plane with simulated nodes', openLab);
  for (const [name, measure] of Object.entries(MEASURES)) {
    if (chosen.length > 0 && !chosen.includes(name)) continue;
    const measured = await step(name, (note) => measure(lab, note));
    for (const figure of measured) printFigure(figure);
    figures.push(...measured);
  }
}
console.log('');
for (const figure of figures) printFigure(figure);
