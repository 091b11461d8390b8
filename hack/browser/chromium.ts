import { findProgram } from '../cluster/node/prerequisites.ts';
import type { Note } from '../progress.ts';
import { aptInstall, canAptInstall } from '../run/apt_install.ts';

/** Start flags for tests: no sandbox where the tests run as root, and no talk with anybody but the page's server. */
export const CHROMIUM_FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // Containers often have a small /dev/shm, in which a page's memory does not fit.
  '--disable-dev-shm-usage',
];

/** Path of Debian's Chromium, installed when it is not there; or in words why there is none. */
export async function ensureChromium(note: Note): Promise<{ path: string } | { missing: string }> {
  const there = chromium();
  if (there !== undefined) return { path: there };
  if (!canAptInstall()) return { missing: 'there is no chromium, and no apt-get with root to install it by' };
  try {
    await aptInstall(['chromium'], note);
  } catch (error) {
    return { missing: `chromium could not be installed: ${(error as Error).message}` };
  }
  const path = chromium();
  return path === undefined ? { missing: 'apt-get installed chromium, yet it is not found' } : { path };
}

function chromium(): string | undefined {
  return findProgram('chromium') ?? findProgram('chromium-browser');
}
