import { briefly } from '../../cli/age.ts';
import type { Overview } from '../../protocol/management.ts';
import { bar, element } from './element.ts';
import { countText } from './words.ts';

type Pool = Overview['pools'][number];
type Runners = NonNullable<Pool['runners']>;

/** So many runners are shown without being asked for. */
const FEW = 6;

/** Which lists people have opened or closed, so that news don't undo it. */
const opened = new Map<string, boolean>();

export function drawPools(pools: readonly Pool[], now: number): Node[] {
  if (pools.length === 0) return [element('p', { class: 'muted' }, 'No pools.')];
  return pools.map((pool) => drawPool(pool, now));
}

function drawPool(pool: Pool, now: number): HTMLElement {
  const { namespace, name, repository, desired, ready, busy, external, degraded, runners } = pool;
  const whole = Math.max(desired, ready, 1);
  const counts = { desired, ready, busy, ...(external === 0 ? {} : { joined: external }) };
  return element(
    'article',
    { class: 'card pool', 'data-pool': `${namespace}/${name}` },
    element('h3', {}, name),
    element(
      'p',
      { class: 'of muted' },
      repository === undefined ? namespace : `${namespace} · ${repository}`,
    ),
    element(
      'dl',
      { class: 'counts' },
      ...Object.entries(counts).map(([label, count]) =>
        element('div', {}, element('dt', {}, label), element('dd', {}, String(count))),
      ),
    ),
    bar(`${ready} of ${desired} runners ready, ${busy} busy`, [
      { share: Math.min(busy, ready) / whole, name: 'fill-busy' },
      { share: Math.max(0, ready - busy) / whole, name: 'fill-idle' },
    ]),
    ...(degraded === undefined ? [] : [element('p', { class: 'problem' }, degraded)]),
    ...(runners === undefined ? [] : [drawRunners(`${namespace}/${name}`, runners, now)]),
  );
}

function drawRunners(key: string, { states, shown }: Runners, now: number): HTMLElement {
  const all = Object.values(states).reduce((sum, count) => sum + (count ?? 0), 0);
  if (all === 0) return element('p', { class: 'muted' }, 'No runners.');
  const byState = Object.entries(states).map(([state, count]) => `${count} ${state}`);
  const details = element(
    'details',
    {},
    element('summary', { 'data-key': key }, `${countText(all, 'runner', 'runners')}: ${byState.join(', ')}`),
    element(
      'div',
      { class: 'scroll', tabindex: '0', role: 'group', 'aria-label': `Runners of ${key}` },
      table(shown, now),
    ),
    ...(shown.length === all
      ? []
      : [
          element(
            'p',
            { class: 'muted' },
            `${countText(all - shown.length, 'more is', 'more are')} not shown.`,
          ),
        ]),
  );
  details.open = opened.get(key) ?? all <= FEW;
  details.addEventListener('toggle', () => opened.set(key, details.open));
  return details;
}

function table(shown: Runners['shown'], now: number): HTMLElement {
  const heads = ['Runner', 'State', 'Since'].map((title) => element('th', { scope: 'col' }, title));
  const rows = shown.map(({ name, state, since, joined }) =>
    element(
      'tr',
      {},
      element(
        'td',
        {},
        name,
        ...(joined === 'pod' ? [] : [element('span', { class: 'muted' }, ' (joined)')]),
      ),
      element('td', {}, element('span', { class: `state state-${state}` }, state)),
      element(
        'td',
        { class: 'muted' },
        element('time', { datetime: since }, briefly(now - Date.parse(since))),
      ),
    ),
  );
  return element(
    'table',
    {},
    element('thead', {}, element('tr', {}, ...heads)),
    element('tbody', {}, ...rows),
  );
}
