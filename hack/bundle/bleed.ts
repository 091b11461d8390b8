import type { Metafile } from 'esbuild';

/**
 * Source files of every chunk that loading the given source's chunk loads, its own dynamic imports included,
 * and of the entry that loads it. Throws an Error when the bundle has no chunk for it.
 */
export function inputsOf(metafile: Metafile, source: string): string[] {
  const outputs = Object.entries(metafile.outputs);
  const own = outputs.find(([, output]) => output.entryPoint === source)?.[0];
  if (own === undefined) throw new Error(`${source} has no chunk of its own in the bundle`);
  const entries = outputs
    .filter(([, { imports }]) => imports.some(({ kind, path }) => kind === 'dynamic-import' && path === own))
    .map(([path]) => path);
  // The entry's dynamic imports are the other modes: of those only the asked one is loaded.
  const chunks = new Set([
    ...entries.flatMap((entry) => [...loaded(metafile, entry, ['import-statement'])]),
    ...loaded(metafile, own, ['import-statement', 'dynamic-import']),
  ]);
  return [...chunks].flatMap((path) => Object.keys(metafile.outputs[path]?.inputs ?? {})).sort();
}

/** Those of the source's inputs that come from a forbidden package, or from a scope such as `@kubernetes`. */
export function findBleed(metafile: Metafile, source: string, forbidden: readonly string[]): string[] {
  return inputsOf(metafile, source).filter((input) =>
    forbidden.some((name) => input.includes(`node_modules/${name}/`)),
  );
}

function loaded(metafile: Metafile, start: string, kinds: readonly string[]): Set<string> {
  const seen = new Set<string>();
  const visit = (path: string) => {
    if (seen.has(path)) return;
    seen.add(path);
    for (const next of metafile.outputs[path]?.imports ?? []) {
      if (next.external !== true && kinds.includes(next.kind)) visit(next.path);
    }
  };
  visit(start);
  return seen;
}
