import { sizeText } from '../../cli/size.ts';
import type { Overview } from '../../protocol/management.ts';
import { bar, element } from './element.ts';
import { countText } from './words.ts';

/** A bar for each repository, and for each pool that serves no single one; the largest is the measure of the others. */
export function drawUsage(usage: Overview['usage']): Node[] {
  if (usage.length === 0) return [element('p', { class: 'muted' }, 'The cache is empty.')];
  const largest = Math.max(...usage.map(({ sizeBytes }) => sizeBytes), 1);
  const items = usage.map(({ namespace, kind, name, host, entries, sizeBytes }) => {
    const whose = kind === 'pool' ? `pool in ${namespace}` : `${host} · ${namespace}`;
    return element(
      'li',
      { class: 'one', 'data-usage': `${namespace}/${name}` },
      element(
        'div',
        { class: 'row' },
        element('span', {}, element('strong', {}, name), ' ', element('span', { class: 'muted' }, whose)),
        element(
          'span',
          { class: 'number' },
          `${sizeText(sizeBytes)} in ${countText(entries, 'entry', 'entries')}`,
        ),
      ),
      bar(`${name}: ${sizeText(sizeBytes)}`, [{ share: sizeBytes / largest, name: 'fill' }]),
    );
  });
  return [element('ul', { class: 'plain' }, ...items)];
}
