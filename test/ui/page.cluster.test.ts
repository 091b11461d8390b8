import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ensureChromium } from '../../hack/browser/chromium.ts';
import type { Overview } from '../../src/protocol/management.ts';
import { useBundle } from '../cli/bundled.ts';
import { type ManagementStand, startManagement, VIEW } from '../runtime/management/stand.ts';
import { patiently } from '../runtime/patiently.ts';
import { useCluster } from '../support/cluster.ts';
import { type BrowserOptions, openBrowser, type TestBrowser } from './browser.ts';
import { type Faint, TOO_FAINT } from './contrast.ts';

const note = (text: string) => process.stderr.write(`${text}\n`);
const found = await ensureChromium(note);
if ('missing' in found) note(`The page at /ui is not tested in a browser: ${found.missing}`);

const cluster = useCluster();
// As it is shipped: the page's files are inside the program.
const bundled = useBundle();
let stand: ManagementStand;
let token: string;
let open: TestBrowser[] = [];

/** What a name may be that a page without care would run. */
const EVIL = '<img src=x onerror=alert(1)>/"><script>alert(2)</script>';

describe.skipIf('missing' in found)('the page', { timeout: 120_000 }, () => {
  beforeAll(async () => {
    stand = await startManagement(cluster, { main: bundled.main });
    token = await stand.person('watcher', stand.ours, VIEW);
    const [app, evil, linux] = [
      await stand.saver(stand.ours, 'app', 'acme/app'),
      await stand.saver(stand.ours, 'evil', EVIL),
      await stand.saver(stand.ours, 'linux'),
    ];
    await stand.saver(stand.theirs, 'secret');
    await stand.saver(stand.ours, 'linux');
    await app.save('npm-1', 'x'.repeat(300_000));
    await evil.save('npm-1', 'x'.repeat(120_000));
    await linux.save('npm-1', 'x'.repeat(70_000));
    for (const key of ['npm-1', 'npm-1', 'npm-1', 'go-1']) await app.lookup(key);
  }, 180_000);
  afterAll(() => stand?.stop());
  beforeEach(() => {
    open = [];
  });
  afterEach(async () => {
    for (const browser of open) await browser.close();
  });

  async function browse(look: Partial<BrowserOptions> = {}): Promise<TestBrowser> {
    if ('missing' in found) throw new Error(found.missing);
    const browser = await openBrowser({ path: found.path, ...look });
    open.push(browser);
    await browser.page.goto(`${stand.api.url}/ui`);
    return browser;
  }

  async function signedIn(look: Partial<BrowserOptions> = {}): Promise<TestBrowser> {
    const browser = await browse(look);
    await signIn(browser, token);
    await browser.page.getByRole('heading', { name: 'Pools and runners' }).waitFor();
    return browser;
  }

  async function signIn({ page }: TestBrowser, value: string): Promise<void> {
    await page.getByLabel('Token', { exact: true }).fill(value);
    await page.getByRole('button', { name: 'Sign in' }).click();
  }

  test('lets nobody in with a wrong token, and shows nothing before', async () => {
    const browser = await browse();
    const { page } = browser;
    for (const [wrong, why] of [
      ['nonsense', 'kubectl create token'],
      [await stand.person('other', stand.ours, VIEW, 'harrier'), 'kubectl create token'],
      [await stand.person('powerless', stand.ours, []), 'This takes the right to'],
    ] as const) {
      await signIn(browser, wrong);
      await page.getByRole('alert').filter({ hasText: why }).waitFor();
      expect(await page.getByRole('heading', { name: 'Pools and runners' }).isVisible()).toBe(false);
      expect(await page.evaluate('sessionStorage.length')).toBe(0);
    }
    expect(await page.content()).not.toContain('acme/app');
  });

  test('shows pools, runners and caches as the api has them', async () => {
    const { page } = await signedIn();
    const headers = { authorization: `Bearer ${token}` };
    const answer = await patiently(() => fetch(`${stand.api.url}/v1/overview`, { headers }));
    const overview = (await answer.json()) as Overview;
    expect(overview.pools.map(({ name }) => name)).toEqual(['app', 'evil', 'linux']);
    for (const { namespace, name, desired, ready, busy, runners } of overview.pools) {
      const card = page.locator(`[data-pool="${namespace}/${name}"]`);
      expect(await card.locator('dd').allTextContents()).toEqual([desired, ready, busy].map(String));
      expect(await card.getByRole('img').getAttribute('aria-label')).toBe(
        `${ready} of ${desired} runners ready, ${busy} busy`,
      );
      const rows = await card.locator('tbody tr').allTextContents();
      expect(rows).toHaveLength(runners?.shown.length ?? -1);
      for (const runner of runners?.shown ?? [])
        expect(rows.some((row) => row.startsWith(`${runner.name}${runner.state}`))).toBe(true);
    }
    expect(await page.locator('#pools').textContent()).not.toContain('secret');

    const usage = page.locator('#usage li');
    expect(await usage.locator('strong').allTextContents()).toEqual(overview.usage.map(({ name }) => name));
    const widths = await usage
      .locator('.track span')
      .evaluateAll((bars) =>
        bars.map((bar) => Number.parseFloat((bar as unknown as { style: { width: string } }).style.width)),
      );
    const largest = Math.max(...overview.usage.map(({ sizeBytes }) => sizeBytes));
    for (const [index, { sizeBytes }] of overview.usage.entries())
      expect(widths[index]).toBeCloseTo((sizeBytes / largest) * 100, 1);
    expect(await page.locator('#hits svg').first().getAttribute('aria-label')).toBe('75 % of 4 look-ups hit');
    expect(await page.locator('#hits tbody tr').first().textContent()).toMatch(/3\s*1\s*75 %/);
  });

  test('shows what is new without being loaded again', async () => {
    const { page } = await signedIn();
    await stand.saver(stand.ours, 'later');
    await page.locator(`[data-pool="${stand.ours}/later"]`).waitFor({ timeout: 40_000 });
  });

  test('shows names as text, whatever is in them', async () => {
    const { page, complaints } = await signedIn();
    let dialogs = 0;
    page.on('dialog', (dialog) => {
      dialogs++;
      void dialog.dismiss();
    });
    const shown = page.locator('#usage strong', { hasText: 'onerror' });
    expect(await shown.textContent()).toBe(EVIL);
    expect(await page.locator('#view img, #view script').count()).toBe(0);
    expect({ dialogs, complaints }).toEqual({ dialogs: 0, complaints: [] });
  });

  test('the browser keeps it from markup of strings and from scripts of elsewhere', async () => {
    const { page, complaints } = await signedIn();
    const made = page.evaluate(`document.body.innerHTML = '<b>x</b>'`);
    await expect(made).rejects.toThrow(/TrustedHTML/);
    const elsewhere = page.evaluate(`fetch('http://127.0.0.1:9/').then(() => 'sent', () => 'kept')`);
    expect(await elsewhere).toBe('kept');
    // What the policy forbids it also says, each by its directive.
    expect(complaints.join()).toMatch(/connect-src/);
    const inline = page.evaluate(`document.createElement('img').setAttribute('onerror', 'alert(1)')`);
    await expect(inline).rejects.toThrow(/TrustedScript/);
  });

  test('talks to its own origin alone, without a complaint, and keeps no cookie', async () => {
    const { page, context, requests, complaints } = await signedIn();
    await page.reload();
    await page.getByRole('heading', { name: 'Pools and runners' }).waitFor();
    expect(requests.length).toBeGreaterThan(4);
    const origin = new URL(stand.api.url).origin;
    expect(requests.filter((url) => new URL(url).origin !== origin)).toEqual([]);
    expect(requests.filter((url) => url.includes(token))).toEqual([]);
    expect(complaints).toEqual([]);
    expect(await context.cookies()).toEqual([]);
  });

  test('signing out takes the token and all that was shown', async () => {
    const { page } = await signedIn();
    await page.getByRole('button', { name: 'Sign out' }).click();
    expect(await page.getByLabel('Token', { exact: true }).isVisible()).toBe(true);
    expect(await page.evaluate('sessionStorage.length')).toBe(0);
    expect(await page.content()).not.toContain('acme/app');
    await page.reload();
    expect(await page.getByLabel('Token', { exact: true }).isVisible()).toBe(true);
  });

  test('light and dark differ, and every text of both stands out enough', async () => {
    const shots: Buffer[] = [];
    for (const colorScheme of ['light', 'dark'] as const) {
      const before = await browse({ colorScheme });
      expect((await before.page.evaluate(TOO_FAINT)) as Faint).toMatchObject({ faint: [] });
      const { page } = await signedIn({ colorScheme });
      const { texts, faint } = (await page.evaluate(TOO_FAINT)) as Faint;
      expect(texts).toBeGreaterThan(30);
      expect(faint).toEqual([]);
      shots.push(await screenshot(page, colorScheme));
    }
    expect(shots[0]?.equals(shots[1] as Buffer)).toBe(false);
  });

  test('the switch wins over the system, and is remembered', async () => {
    const { page } = await signedIn({ colorScheme: 'light' });
    const ground = () => page.evaluate('getComputedStyle(document.body).backgroundColor') as Promise<string>;
    const light = await ground();
    await page.getByLabel('Colours').selectOption('dark');
    const dark = await ground();
    expect(dark).not.toBe(light);
    expect(((await page.evaluate(TOO_FAINT)) as Faint).faint).toEqual([]);
    await page.reload();
    expect(await ground()).toBe(dark);
    await page.getByLabel('Colours').selectOption('auto');
    expect(await ground()).toBe(light);
  });

  test('on a phone nothing is wider than the screen', async () => {
    const { page } = await signedIn({ viewport: { width: 360, height: 740 } });
    await screenshot(page, 'phone');
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
  });

  test('is used by the keyboard alone, and has a name for every field', async () => {
    const { page } = await browse();
    await page.getByLabel('Token', { exact: true }).focus();
    await page.keyboard.type(token);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Pools and runners' }).waitFor();
    expect(await page.evaluate('document.activeElement.id')).toBe('content');
    const reached: string[] = [];
    for (let tabs = 0; tabs < 12; tabs++) {
      await page.keyboard.press('Tab');
      reached.push(String(await page.evaluate('document.activeElement.tagName')));
    }
    expect(reached).toContain('SUMMARY');
    const unnamed = await page.evaluate(
      `[...document.querySelectorAll('input, select, button')].filter((one) => one.labels?.length === 0 && one.textContent.trim() === '').length`,
    );
    expect(unnamed).toBe(0);
  });
});

/** Kept where HARRIER_SCREENSHOTS says, for whoever wants to see it. */
async function screenshot(page: TestBrowser['page'], name: string): Promise<Buffer> {
  const folder = process.env.HARRIER_SCREENSHOTS;
  if (folder !== undefined) await mkdir(folder, { recursive: true });
  return await page.screenshot({
    fullPage: true,
    ...(folder === undefined ? {} : { path: join(folder, `${name}.png`) }),
  });
}
