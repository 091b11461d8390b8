import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { CHROMIUM_FLAGS } from '../../hack/browser/chromium.ts';

/** A browser with a profile of its own, and all that it asked for and complained of. */
export interface TestBrowser {
  context: BrowserContext;
  page: Page;
  requests: string[];
  complaints: string[];
  close(): Promise<void>;
}

export interface BrowserOptions {
  path: string;
  colorScheme?: 'light' | 'dark';
  viewport?: { width: number; height: number };
}

export async function openBrowser({ path, ...look }: BrowserOptions): Promise<TestBrowser> {
  const profile = await mkdtemp(join(tmpdir(), 'harrier-chromium-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: path,
    args: CHROMIUM_FLAGS,
    headless: true,
    viewport: { width: 1280, height: 900 },
    ...look,
  });
  const requests: string[] = [];
  const complaints: string[] = [];
  context.on('request', (request) => requests.push(request.url()));
  const page = context.pages()[0] ?? (await context.newPage());
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  return {
    context,
    page,
    requests,
    complaints,
    async close() {
      await context.close();
      // Its last processes may write there for a moment after it has closed.
      await rm(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    },
  };
}
