import { afterAll, beforeAll, expect, test } from 'vitest';
import { uiRoutes } from '../../../src/runtime/routes/ui.ts';
import { anApi, type TestApi } from '../builders.ts';

const FILES = ['/ui', '/ui/page.js', '/ui/page.css', '/ui/icon.svg'];
let api: TestApi;
beforeAll(async () => {
  api = await anApi({ routes: () => [uiRoutes()] });
}, 60_000);
afterAll(() => api.app.close());

test.each(FILES)('%s is served to everybody, under a policy without exceptions', async (url) => {
  const answer = await api.app.inject({ url });
  expect(answer.statusCode).toBe(200);
  expect(answer.body.length).toBeGreaterThan(100);
  const policy = String(answer.headers['content-security-policy']);
  expect(policy).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';/);
  expect(policy).not.toMatch(/unsafe|\*|https?:|data:|nonce/);
  expect(policy).toContain("frame-ancestors 'none'");
  expect(answer.headers).toMatchObject({
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-cache',
  });
});

test('nothing of it names a place elsewhere, and nothing is inline', async () => {
  const bodies = await Promise.all(FILES.map(async (url) => (await api.app.inject({ url })).body));
  const urls = bodies.join('\n').match(/https?:\/\/[^"' )]+/g) ?? [];
  // The one is the name of a language, which nobody fetches.
  expect([...new Set(urls)]).toEqual(['http://www.w3.org/2000/svg']);
  const [html = ''] = bodies;
  expect(html).not.toMatch(/<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=/);
  const linked = [...html.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path]) => path);
  expect(linked.length).toBeGreaterThan(2);
  for (const path of linked) expect(FILES).toContain(path);
});

test('what a browser has already is not sent again', async () => {
  const { headers } = await api.app.inject({ url: '/ui/page.js' });
  const again = await api.app.inject({
    url: '/ui/page.js',
    headers: { 'if-none-match': String(headers.etag) },
  });
  expect({ status: again.statusCode, body: again.body }).toEqual({ status: 304, body: '' });
});
