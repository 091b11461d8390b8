import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { closureEntries, packageClosure } from '../../../hack/image/npm_closure.ts';

const root = mkdtempSync(join(tmpdir(), 'harrier-closure-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

function install(path: string, manifest: object, files: readonly string[] = ['index.js']): void {
  const folder = join(root, path);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
  for (const file of files) writeFileSync(join(folder, file), '');
}

install('node_modules/a', { dependencies: { b: '1', c: '2' } }, ['index.js', 'index.d.ts', 'index.js.map']);
install('node_modules/b', { dependencies: { a: '1' }, optionalDependencies: { absent: '1' } });
install('node_modules/c', {});
install('node_modules/a/node_modules/c', {});
install('node_modules/unrelated', {});

describe('the closure of a package', () => {
  test("has a dependency's own copy before the shared one, and ends though packages need each other", () => {
    expect(packageClosure(root, 'a')).toEqual(
      ['node_modules/a', 'node_modules/a/node_modules/c', 'node_modules/b'].map((path) => join(root, path)),
    );
  });

  test('leaves out types and maps and keeps the paths', () => {
    expect(closureEntries(root, 'a', '/job').map(({ path }) => path)).toEqual([
      '/job/node_modules/a/index.js',
      '/job/node_modules/a/package.json',
      '/job/node_modules/a/node_modules/c/index.js',
      '/job/node_modules/a/node_modules/c/package.json',
      '/job/node_modules/b/index.js',
      '/job/node_modules/b/package.json',
    ]);
  });

  test('names a dependency that is not installed', () => {
    install('node_modules/broken', { dependencies: { nowhere: '1' } });
    expect(() => packageClosure(root, 'broken')).toThrow(
      /nowhere is not installed, which node_modules\/broken/,
    );
  });

  test('of @actions/cache is whole in this checkout', () => {
    const checkout = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '');
    const names = packageClosure(checkout, '@actions/cache').map((path) =>
      path.split('node_modules/').at(-1),
    );
    expect(names).toEqual(expect.arrayContaining(['@actions/cache', '@actions/core', '@azure/storage-blob']));
  });
});
