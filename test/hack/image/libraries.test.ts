import { describe, expect, test } from 'vitest';
import { librariesOf, parseLibraries } from '../../../hack/image/libraries.ts';

describe('the shared libraries of a program', () => {
  test('are the paths that ldd resolves to, and the loader, each once', () => {
    const answer = [
      '\tlinux-vdso.so.1 (0x00007ffd0a5f2000)',
      '\tlibm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x00007f1)',
      '\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f2)',
      '\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f2)',
      '\t/lib64/ld-linux-x86-64.so.2 (0x00007f3)',
    ].join('\n');
    expect(parseLibraries(answer)).toEqual([
      '/lib/x86_64-linux-gnu/libc.so.6',
      '/lib/x86_64-linux-gnu/libm.so.6',
      '/lib64/ld-linux-x86-64.so.2',
    ]);
  });

  test('are none for a static program', () => {
    expect(parseLibraries('\tnot a dynamic executable\n')).toEqual([]);
    expect(parseLibraries('\tstatically linked\n')).toEqual([]);
  });

  test('that are missing are named', () => {
    expect(() => parseLibraries('\tlibatomic.so.1 => not found\n')).toThrow('libatomic.so.1');
  });

  test.runIf(process.platform === 'linux')('of the Node that runs this include a C library', async () => {
    expect((await librariesOf(process.execPath)).some((path) => /\/(libc\.|libc\.musl)/.test(path))).toBe(
      true,
    );
  });
});
