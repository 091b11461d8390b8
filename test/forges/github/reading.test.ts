import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ForgeError } from '../../../src/forges/forge_error.ts';
import type { GithubRunner } from '../../../src/forges/github/answers.ts';
import type { GithubApi } from '../../../src/forges/github/api.ts';
import { apiBase } from '../../../src/forges/github/api_base.ts';
import { readJitConfig } from '../../../src/forges/github/jit_files.ts';
import { matches, runnerLabels } from '../../../src/forges/github/labels.ts';
import { listRunners } from '../../../src/forges/github/list_runners.ts';
import { nextPage } from '../../../src/forges/github/next_page.ts';
import { githubScope } from '../../../src/forges/github/scope.ts';
import { joinAnswer } from '../../../src/protocol/join.ts';

test.each([
  ['https://github.com', 'https://api.github.com'],
  ['https://github.com/', 'https://api.github.com'],
  ['https://api.github.com', 'https://api.github.com'],
  ['https://octocorp.ghe.com', 'https://api.octocorp.ghe.com'],
  ['https://api.octocorp.ghe.com', 'https://api.octocorp.ghe.com'],
  ['https://github.example.com', 'https://github.example.com/api/v3'],
  ['https://github.example.com:8443/', 'https://github.example.com:8443/api/v3'],
  ['https://github.example.com/api/v3/', 'https://github.example.com/api/v3'],
  ['http://127.0.0.1:3000', 'http://127.0.0.1:3000/api/v3'],
  ['https://notgithub.com', 'https://notgithub.com/api/v3'],
])('the API of %s is at %s', (url, base) => {
  expect(apiBase(url)).toBe(base);
});

describe('the scope', () => {
  test.each([
    [{ type: 'repository', name: 'acme/app' }, '/repos/acme/app'],
    [{ type: 'organization', name: 'acme' }, '/orgs/acme'],
    [{ type: 'enterprise', name: 'acme-corp' }, '/enterprises/acme-corp'],
  ] as const)('%j is at %s', (scope, path) => {
    expect(githubScope(scope).path).toBe(path);
  });

  test.each([
    undefined,
    { type: 'instance' },
    { type: 'organization', name: 'acme/app' },
    { type: 'repository', name: 'acme' },
    { type: 'repository', name: 'acme/../../user' },
    { type: 'organization', name: '..' },
  ] as const)('%j is none', (scope) => {
    expect(() => githubScope(scope)).toThrow(ForgeError);
  });

  test('no name leads to another path of the API', () => {
    fc.assert(
      fc.property(fc.string(), (name) => {
        let path: string;
        try {
          ({ path } = githubScope({ type: 'organization', name }));
        } catch {
          return;
        }
        expect(new URL(`https://api.github.com${path}`).pathname).toMatch(/^\/orgs\/[^/]+$/);
      }),
    );
  });
});

test.each([
  [undefined, undefined],
  ['', undefined],
  ['<https://a/x?page=2>; rel="next", <https://a/x?page=3>; rel="last"', 'https://a/x?page=2'],
  ['<https://a/x?page=1>; rel="prev", <https://a/x?page=3>; rel="next"', 'https://a/x?page=3'],
  ['<https://a/x?page=1>; rel="prev", <https://a/x?page=1>; rel="first"', undefined],
  ['<https://a/x,y?page=2>; title="a"; rel=next', 'https://a/x,y?page=2'],
  ['nonsense', undefined],
])('of Link %j the next page is %j', (link, next) => {
  expect(nextPage(link)).toBe(next);
});

describe('labels', () => {
  test.each<[job: string[], runner: string[], expected: boolean]>([
    [['self-hosted'], ['linux'], true],
    [['self-hosted', 'Linux'], ['linux'], true],
    [['linux', 'arm64'], ['linux'], false],
    [['ubuntu-latest'], ['linux'], false],
    [['SELF-HOSTED', 'gpu'], ['GPU', 'linux'], true],
  ])('a job for %j goes to a runner with %j: %s', (job, runner, expected) => {
    expect(matches(job, runner, false)).toBe(expected);
  });

  const label = fc.stringMatching(/^[a-zA-Z][a-zA-Z0-9-]{0,8}$/);
  const labels = fc.array(label, { minLength: 1, maxLength: 6 });

  test('a runner has what GitHub is told, whatever the case; one more label of the job and it does not fit', () => {
    fc.assert(
      fc.property(labels, label, (runner, other) => {
        const told = runnerLabels(runner);
        expect(told.filter((one) => one.toLowerCase() === 'self-hosted')).toHaveLength(1);
        const job = told.map((one, index) => (index % 2 === 0 ? one.toUpperCase() : one.toLowerCase()));
        expect(matches(job, runner, false)).toBe(true);
        const has = told.some((one) => one.toLowerCase() === other.toLowerCase());
        expect(matches([...job, other], runner, false)).toBe(has);
      }),
    );
  });
});

describe('a just-in-time configuration', () => {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64');
  const base64 = (text: string) => Buffer.from(text).toString('base64');

  test('is the files of a runner, which the api may hand out', () => {
    const files = readJitConfig(encode({ '.runner': base64('{"AgentId":1}'), '.credentials': base64('ß') }));
    expect(files).toEqual({ runner: '{"AgentId":1}', credentials: 'ß' });
    expect(joinAnswer.parse({ files }).files).toEqual(files);
  });

  test.each([
    ['no base64', 'abc 123'],
    ['no object', encode([])],
    ['nothing', encode({})],
    ['a file elsewhere', encode({ '../.bashrc': base64('x') })],
    ['a file that is hidden nowhere', encode({ 'run.sh': base64('x') })],
    ['no file of base64', encode({ '.runner': '{"AgentId":1}' })],
  ])('with %s is refused, and not shown', (_, encoded) => {
    expect(() => readJitConfig(encoded)).toThrow(/unknown form; look for a newer Harrier$/);
  });
});

test('a runner that is there all the time is listed, whatever goes and comes between two pages', async () => {
  const PAGE = 3;
  const scope = githubScope({ type: 'organization', name: 'acme' });
  const named = (id: number): GithubRunner => ({ id, name: `mine-${id}`, status: 'online', busy: false });
  const change = fc.record({ afterPage: fc.nat(12), remove: fc.nat(30), add: fc.nat(2) });
  await fc.assert(
    fc.asyncProperty(fc.nat(14), fc.array(change, { maxLength: 2 }), async (count, changes) => {
      let there = Array.from({ length: count }, (_, id) => named(id));
      const first = there;
      let [pagesRead, nextId] = [0, 1000];
      // A list that is paged by number, as GitHub's, and changes right after certain pages.
      const api: Pick<GithubApi, 'pages'> = {
        async *pages<P>() {
          for (let page = 0; ; page++) {
            yield { total_count: there.length, runners: there.slice(page * PAGE, (page + 1) * PAGE) } as P;
            const last = (page + 1) * PAGE >= there.length;
            for (const { remove, add } of changes.filter(({ afterPage }) => afterPage === pagesRead)) {
              there = there.filter((_, index) => index !== remove);
              for (let made = 0; made < add; made++) there = [...there, named(nextId++)];
            }
            pagesRead += 1;
            if (last) return;
          }
        },
      };
      const listed = (await listRunners(api, scope, 'mine-')).map(({ name }) => name);
      expect(new Set(listed).size).toBe(listed.length);
      for (const { name } of first.filter((one) => there.includes(one))) expect(listed).toContain(name);
    }),
    { numRuns: 500 },
  );
});
