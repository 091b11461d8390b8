import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import type { LayerEntry } from './layer.ts';

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** Of no use at run time, and a third of the files. */
const LEFT_OUT = /\.(d\.[cm]?ts|map|md|markdown|tsbuildinfo)$/;

/**
 * The folders of a package and of all it depends on, as Node would find them from the root:
 * a dependency's own node_modules first, then those above.
 */
export function packageClosure(root: string, name: string): string[] {
  const found = new Set<string>();
  const visit = (wanted: string, from: string, optional: boolean) => {
    const folder = resolvePackage(root, wanted, from);
    if (folder === undefined) {
      if (optional) return;
      throw new Error(`${wanted} is not installed, which ${relative(root, from) || 'the image'} needs`);
    }
    if (found.has(folder)) return;
    found.add(folder);
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
    const optionals = Object.keys(manifest.optionalDependencies ?? {});
    for (const next of Object.keys(manifest.dependencies ?? {})) {
      visit(next, folder, optionals.includes(next));
    }
  };
  visit(name, root, false);
  return [...found].sort();
}

/** The files of the packages under the same node_modules paths below `to`. */
export function closureEntries(root: string, name: string, to: string): LayerEntry[] {
  return packageClosure(root, name).flatMap((folder) =>
    filesBelow(folder)
      .filter((file) => !LEFT_OUT.test(file))
      .map((file): LayerEntry => ({ path: join(to, relative(root, file)), type: 'file', from: file })),
  );
}

/** All files below a folder, without those of a node_modules in it. */
export function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : filesBelow(path);
    return entry.isFile() ? [path] : [];
  });
}

function resolvePackage(root: string, name: string, from: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', name);
    if (existsSync(join(candidate, 'package.json'))) return candidate;
    if (folder === root) return undefined;
  }
}
