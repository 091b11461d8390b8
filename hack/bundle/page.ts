import type { Plugin } from 'esbuild';
import { buildPage } from '../../src/ui/build_page.ts';

/** Puts the page's finished files where the sources have the module that would make them. */
export const pageInside: Plugin = {
  name: 'page-inside',
  setup(build) {
    build.onLoad({ filter: /[\\/]src[\\/]ui[\\/]page_files\.ts$/ }, async () => ({
      contents: `const files = ${JSON.stringify(await buildPage())};\nexport async function pageFiles() { return files; }\n`,
      loader: 'js',
    }));
  },
};
