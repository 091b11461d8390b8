import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundle } from '../../../hack/bundle.ts';
import { run } from '../../../hack/run/command.ts';

const root = mkdtempSync(join(tmpdir(), 'harrier-bundle-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

function write(path: string, text: string): void {
  mkdirSync(join(root, path, '..'), { recursive: true });
  writeFileSync(join(root, path), text);
}

beforeAll(() => {
  write('package.json', '{"type":"module"}');
  write('node_modules/heavy/package.json', '{"name":"heavy","main":"index.js"}');
  write('node_modules/heavy/index.js', "module.exports = require('node:os').EOL.length;");
  write(
    'src/main.ts',
    "const modes: Record<string, () => Promise<unknown>> = { light: () => import('./light.ts'), big: () => import('./big.ts') };\n" +
      "await modes[process.argv[2] ?? '']?.();",
  );
  write(
    'src/big.ts',
    "import heavy from 'heavy'; import { shared } from './shared.ts'; console.log(heavy, shared);",
  );
  write('src/light.ts', "import { shared } from './shared.ts'; console.log(shared);");
  write('src/shared.ts', "export const shared: string = 'shared';");
  write('src/bled.ts', "import { through } from './through.ts'; console.log(through);");
  write('src/through.ts', "export const through = (await import('heavy')).default;");
  write('src/bleeding_main.ts', "if (process.argv[2] === 'bled') await import('./bled.ts');");
  write('src/heavy_main.ts', "import heavy from 'heavy'; console.log(heavy); await import('./light.ts');");
});

const build = (entry: string, source: string) =>
  bundle({ root, entry, outFolder: 'dist', light: { sources: [source], forbidden: ['heavy'] } });

describe('the bundle', () => {
  test('runs each mode from chunks of its own', async () => {
    const { lightInputs } = await build('src/main.ts', 'src/light.ts');
    expect(lightInputs).toEqual(['src/light.ts', 'src/main.ts', 'src/shared.ts']);
    expect(await run(process.execPath, [join(root, 'dist/main.js'), 'light'])).toBe('shared\n');
    expect(await run(process.execPath, [join(root, 'dist/main.js'), 'big'])).toBe('1 shared\n');
    expect(readdirSync(join(root, 'dist')).filter((file) => file.endsWith('.js')).length).toBeGreaterThan(3);
  });

  test('fails when the light part loads a forbidden package, though late and through another file', async () => {
    await expect(build('src/bleeding_main.ts', 'src/bled.ts')).rejects.toThrow(
      'src/bled.ts loads what it may not:\n  node_modules/heavy/index.js',
    );
  });

  test('fails when the entry before the light part loads it', async () => {
    await expect(build('src/heavy_main.ts', 'src/light.ts')).rejects.toThrow('node_modules/heavy/index.js');
  });

  test('fails when the light part has no chunk, so that the check cannot pass by looking at nothing', async () => {
    await expect(build('src/main.ts', 'src/gone.ts')).rejects.toThrow('no chunk of its own');
  });
});
