import { expect, test } from 'vitest';
import { harrier } from './harrier.ts';

const PROGRAMS = {
  token: ['create', 'list', 'describe', 'disable', 'enable', 'pin', 'unpin', 'revoke', 'inspect'],
  cache: ['ls', 'rm', 'usage', 'verify'],
} as const;
const programs = Object.keys(PROGRAMS) as (keyof typeof PROGRAMS)[];

test.each(programs)('%s --help lists the commands', async (program) => {
  const { code, out, err } = await harrier(['--help'], { program });
  expect({ code, err }).toEqual({ code: 0, err: '' });
  const listed = [...out.matchAll(/^ {2}(\w+) {2,}\S/gm)].map(([, name]) => name);
  expect(listed).toEqual(PROGRAMS[program]);
});

test.each(programs.flatMap((program) => PROGRAMS[program].map((command) => [program, command] as const)))(
  '%s %s --help tells of itself, and needs no cluster',
  async (program, command) => {
    const { code, out, err } = await harrier([command, '--help'], { program });
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain(`\nUsage: harrier ${program} ${command} [options]`);
    expect(out).toMatch(/^ {2}-h, --help +this text$/m);
  },
);
