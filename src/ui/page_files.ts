import type { PageFile } from './build_page.ts';

export type { PageFile };

/**
 * The page's files. Here they are made of the sources when they are first asked for; in the bundle this module is one
 * that holds them (hack/bundle/page.ts), so that the image has no file beside the program.
 */
export async function pageFiles(): Promise<readonly PageFile[]> {
  const { buildPage } = await import('./build_page.ts');
  return await buildPage();
}
