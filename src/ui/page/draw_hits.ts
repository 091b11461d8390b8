import type { Overview } from '../../protocol/management.ts';
import { element, svgElement } from './element.ts';
import { countText, rateText } from './words.ts';

type Hits = Overview['hits'];
type Step = Hits['steps'][number];

const DAY = 24 * 3600;
/** Units of the drawing: it is stretched to the room there is. */
const HEIGHT = 100;

/** The hit rate over the day as a line, and below it how much was looked up. */
export function drawHits({ stepSeconds, since, steps }: Hits, now: number): Node[] {
  const hits = steps.reduce((sum, step) => sum + step.hits, 0);
  const misses = steps.reduce((sum, step) => sum + step.misses, 0);
  const begun = new Date(since).toLocaleString();
  const label = `${rateText(hits, misses)} of ${countText(hits + misses, 'look-up', 'look-ups')} hit`;
  if (steps.length === 0)
    return [element('p', { class: 'muted' }, `No look-ups since this replica of the api started, ${begun}.`)];
  const width = DAY / stepSeconds;
  const end = Math.floor(now / 1000 / stepSeconds) + 1;
  const placed = steps
    .map((step) => ({ ...step, x: Date.parse(step.at) / 1000 / stepSeconds - (end - width) }))
    .filter(({ x }) => x >= 0);
  const times = [24, 18, 12, 6, 0].map((hours) => element('span', {}, hours === 0 ? 'now' : `−${hours} h`));
  return [
    element(
      'div',
      { class: 'chart' },
      element(
        'div',
        { class: 'axis', 'aria-hidden': 'true' },
        ...['100 %', '50 %', '0 %'].map((text) => element('span', {}, text)),
      ),
      rateLine(placed, width, label),
      element('div'),
      volume(placed, width),
      element('div', { class: 'times', 'aria-hidden': 'true' }, ...times),
    ),
    element(
      'p',
      { class: 'key' },
      element('span', {}, countText(hits, 'hit', 'hits')),
      element('span', { class: 'of-misses' }, countText(misses, 'miss', 'misses')),
    ),
    asTable(steps, begun),
  ];
}

type Placed = Step & { x: number };

function rateLine(steps: readonly Placed[], width: number, label: string): SVGElement {
  const svg = drawing(width, { role: 'img', 'aria-label': label });
  for (const y of [1, HEIGHT / 2, HEIGHT - 1])
    svg.append(svgElement('line', { class: 'grid', x1: 0, x2: width, y1: y, y2: y }));
  let run: string[] = [];
  let last = Number.NEGATIVE_INFINITY;
  const close = () => {
    // A line of one point has no length: a dot shows it.
    const [first] = run;
    if (run.length > 1) svg.append(svgElement('polyline', { class: 'rate', points: run.join(' ') }));
    else if (first !== undefined)
      svg.append(svgElement('path', { class: 'dot', d: `M${first.replace(',', ' ')}h0` }));
    run = [];
  };
  for (const { x, hits, misses } of steps) {
    // An hour without look-ups has no rate: the line is not drawn through it.
    if (x - last > width / 24) close();
    last = x;
    const y = 2 + (1 - hits / Math.max(1, hits + misses)) * (HEIGHT - 4);
    run.push(`${x + 0.5},${y}`);
  }
  close();
  return svg;
}

function volume(steps: readonly Placed[], width: number): SVGElement {
  const most = Math.max(...steps.map(({ hits, misses }) => hits + misses), 1);
  const svg = drawing(width, { class: 'volume', 'aria-hidden': 'true' });
  for (const { x, hits, misses } of steps) {
    const [up, down] = [(hits / most) * HEIGHT, (misses / most) * HEIGHT];
    svg.append(svgElement('rect', { class: 'hits', x, y: HEIGHT - up, width: 1, height: up }));
    svg.append(svgElement('rect', { class: 'misses', x, y: HEIGHT - up - down, width: 1, height: down }));
  }
  return svg;
}

function drawing(width: number, attributes: Record<string, string>): SVGElement {
  return svgElement('svg', { viewBox: `0 0 ${width} ${HEIGHT}`, preserveAspectRatio: 'none', ...attributes });
}

/** The same hour by hour in words, for whoever can't see the picture. */
function asTable(steps: readonly Step[], begun: string): HTMLElement {
  const hours = new Map<number, { hits: number; misses: number }>();
  for (const { at, hits, misses } of steps) {
    const hour = Math.floor(Date.parse(at) / 3_600_000) * 3_600_000;
    const sum = hours.get(hour) ?? { hits: 0, misses: 0 };
    hours.set(hour, { hits: sum.hits + hits, misses: sum.misses + misses });
  }
  const rows = [...hours]
    .reverse()
    .map(([hour, { hits, misses }]) =>
      element(
        'tr',
        {},
        element(
          'th',
          { scope: 'row' },
          new Date(hour).toLocaleString([], { dateStyle: 'short', timeStyle: 'short' }),
        ),
        ...[String(hits), String(misses), rateText(hits, misses)].map((text) =>
          element('td', { class: 'number' }, text),
        ),
      ),
    );
  const heads = ['Hour', 'Hits', 'Misses', 'Rate'].map((title, index) =>
    element('th', { scope: 'col', ...(index === 0 ? {} : { class: 'number' }) }, title),
  );
  return element(
    'details',
    {},
    element('summary', { 'data-key': 'hits' }, 'As a table'),
    element('table', {}, element('thead', {}, element('tr', {}, ...heads)), element('tbody', {}, ...rows)),
    element('p', { class: 'muted' }, `Counted by one replica of the api since ${begun}.`),
  );
}
