import { briefly } from '../../cli/age.ts';
import { sizeText } from '../../cli/size.ts';
import type { Overview } from '../../protocol/management.ts';
import { askOverview, Refused } from './ask.ts';
import { drawHits } from './draw_hits.ts';
import { drawPools } from './draw_pools.ts';
import { drawUsage } from './draw_usage.ts';
import { element, part } from './element.ts';
import { offerThemes } from './theme.ts';
import { countText, rateText } from './words.ts';

/** For how long the page is content with what it has, in ms. */
const EVERY = 10_000;
const TOKEN = 'harrier-token';

let timer: number | undefined;
/** What each part of the page was drawn from, so that what is the same stays as it is. */
const drawn = new Map<string, string>();

function signedIn(): string | null {
  return sessionStorage.getItem(TOKEN);
}

async function signIn(event: SubmitEvent): Promise<void> {
  event.preventDefault();
  const field = part<HTMLInputElement>('token');
  const token = field.value.trim();
  const problem = part('sign-in-problem');
  problem.textContent = '';
  try {
    const overview = await askOverview(token);
    sessionStorage.setItem(TOKEN, token);
    field.value = '';
    show(overview);
    part('content').focus();
    again();
  } catch (error) {
    problem.textContent = textOf(error);
    field.setAttribute('aria-invalid', 'true');
    field.focus();
  }
}

function signOut(why = ''): void {
  sessionStorage.removeItem(TOKEN);
  clearTimeout(timer);
  // Nothing of what was shown stays behind the form.
  for (const id of ['summary', 'pools', 'usage', 'hits']) part(id).replaceChildren();
  drawn.clear();
  part('user').textContent = '';
  part('cell').textContent = '';
  part('view').hidden = true;
  part('sign-out').hidden = true;
  part('sign-in').hidden = false;
  part('sign-in-problem').textContent = why;
  part('token').focus();
}

async function refresh(): Promise<void> {
  const token = signedIn();
  if (token === null) return;
  try {
    const overview = await askOverview(token);
    // Signed out, or in as somebody else, while it was asked for.
    if (signedIn() === token) show(overview);
  } catch (error) {
    if (signedIn() !== token) return;
    if (error instanceof Refused && [401, 403, 404].includes(error.status)) {
      signOut(textOf(error));
      return;
    }
    const trouble = part('trouble');
    trouble.textContent = `${textOf(error)} What is shown is older.`;
    trouble.hidden = false;
    part('view').hidden = false;
    part('sign-out').hidden = false;
  }
  again();
}

function again(): void {
  clearTimeout(timer);
  timer = setTimeout(() => {
    if (document.hidden) again();
    else void refresh();
  }, EVERY);
}

function show(overview: Overview): void {
  const now = Date.parse(overview.at);
  part('sign-in').hidden = true;
  part('trouble').hidden = true;
  part('view').hidden = false;
  part('sign-out').hidden = false;
  part('user').textContent = overview.user;
  part('cell').textContent = overview.cell === undefined ? '' : `cell ${overview.cell}`;
  draw('summary', overview, () => figures(overview));
  draw('pools', overview.pools, () => drawPools(overview.pools, now));
  draw('usage', overview.usage, () => drawUsage(overview.usage));
  draw('hits', [overview.hits, Math.floor(now / 300_000)], () => drawHits(overview.hits, now));
  for (const time of part('pools').querySelectorAll('time'))
    time.textContent = briefly(now - Date.parse(time.dateTime));
  const asOf = part<HTMLTimeElement>('as-of');
  asOf.dateTime = overview.at;
  asOf.textContent = new Date(now).toLocaleTimeString();
}

/** Draws a part anew where it has changed; whoever was in it with the keyboard stays where they were. */
function draw(id: string, from: unknown, nodes: () => Node[]): void {
  const text = JSON.stringify(from);
  if (drawn.get(id) === text) return;
  drawn.set(id, text);
  const place = part(id);
  const focused = place.contains(document.activeElement)
    ? document.activeElement?.getAttribute('data-key')
    : undefined;
  place.replaceChildren(...nodes());
  if (focused != null)
    for (const one of place.querySelectorAll<HTMLElement>('[data-key]'))
      if (one.dataset.key === focused) one.focus();
}

function figures({ pools, usage, hits }: Overview): Node[] {
  const sum = (of: (pool: Overview['pools'][number]) => number) =>
    pools.reduce((total, pool) => total + of(pool), 0);
  const [hit, missed] = (['hits', 'misses'] as const).map((kind) =>
    hits.steps.reduce((total, step) => total + step[kind], 0),
  );
  const size = usage.reduce((total, one) => total + one.sizeBytes, 0);
  const entries = usage.reduce((total, one) => total + one.entries, 0);
  const list: [title: string, text: string, more: string][] = [
    ['Pools', String(pools.length), ''],
    ['Runners ready', String(sum((pool) => pool.ready)), ` of ${sum((pool) => pool.desired)}`],
    ['Runners busy', String(sum((pool) => pool.busy)), ''],
    ['Cache', sizeText(size), ` in ${countText(entries, 'entry', 'entries')}`],
    ['Hit rate', rateText(hit ?? 0, missed ?? 0), ' in 24 h'],
  ];
  return list.map(([title, text, more]) =>
    element('div', {}, element('dt', {}, title), element('dd', {}, text, element('small', {}, more))),
  );
}

function textOf(error: unknown): string {
  return error instanceof Refused ? error.message : 'The api does not answer.';
}

offerThemes();
part('sign-in-form').addEventListener('submit', (event) => void signIn(event));
part('sign-out').addEventListener('click', () => signOut());
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) void refresh();
});
if (signedIn() === null) signOut();
else void refresh();
