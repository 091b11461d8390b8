import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { access, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { HOOK, HOOK_WINDOW_SECONDS } from '../../src/forges/external/contract.ts';
import type { ForgeErrorReason } from '../../src/forges/forge_error.ts';
import { MOST_PROJECTS } from '../../src/forges/gitlab/queued.ts';
import { signedHeaders } from '../../src/forges/standard_webhook.ts';
import { FORGE_TYPES } from '../../src/resources/pool_forge.ts';
import { startWire } from '../forges/wire.ts';

const DOCS = join(import.meta.dirname, '../../docs');
const page = (name: string) => readFile(join(DOCS, name), 'utf8');
const blocks = (markdown: string, language: string) =>
  [...markdown.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(
    ([, block = '']) => block,
  );
/** First cells of a table, which begin with `…`. */
const firstCells = (markdown: string, heading: string) =>
  markdown
    .slice(markdown.indexOf(heading))
    .split('\n\n', 1)[0]
    ?.split('\n')
    .slice(2)
    .map((row) => /^\| (.*?) \|/.exec(row)?.[1] ?? '') ?? [];

const frame = await page('forges.md');
const external = await page('forges_external.md');

test('pages lead to files that are there', async () => {
  for (const name of (await readdir(DOCS)).filter((one) => one.endsWith('.md')))
    for (const [, target = ''] of (await page(name)).matchAll(/\]\(([\w./-]+?)(?:#[\w-]+)?\)/g))
      await expect(access(join(DOCS, target)), `${name} → ${target}`).resolves.toBeUndefined();
});

describe('the page of forges', () => {
  test('tells of every type', () => {
    const told = firstCells(frame, '| `spec.forge.type` |');
    expect(told.map((cell) => cell.replaceAll('`', '')).sort()).toEqual([...FORGE_TYPES].sort());
  });

  test('says of every reason what to do', () => {
    const reasons: Record<ForgeErrorReason, true> = {
      CredentialsInvalid: true,
      HostNotAllowed: true,
      Unauthorized: true,
      Forbidden: true,
      NotFound: true,
      Refused: true,
      Unreadable: true,
      RateLimited: true,
      Unavailable: true,
    };
    const told = firstCells(frame, '| reason |');
    for (const reason of Object.keys(reasons)) expect(told).toContain(`\`Forge${reason}\``);
  });

  test('shows a program that says of itself what it does', async () => {
    const manifest = blocks(frame, 'yaml').find((block) => block.includes('any-program')) ?? '';
    const [container] = parse(manifest).spec.template.spec.containers;
    const sidecar = await startWire(() => ({ status: 200, body: {} }));
    const [program = '', ...options] = [...container.command, ...container.args];
    expect(program).toBe('node');
    const { stdout } = await promisify(execFile)(process.execPath, options, {
      env: { HARRIER_URL: `${sidecar.url}/` },
    });
    await sidecar.close();
    expect(stdout).toBe('the job\n');
    expect(sidecar.asked.map(({ url, body }) => [url.pathname, JSON.parse(body)])).toEqual([
      ['/v1/runner/status', { state: 'Busy' }],
      ['/v1/runner/status', { state: 'Terminated' }],
    ]);
  });
});

test('the page of GitLab states the bound of the code', async () => {
  expect(await page('forges_gitlab.md')).toContain(`up to ${MOST_PROJECTS} projects`);
});

describe('the page of a forge of one’s own', () => {
  test('shows for each operation what is asked and answered', () => {
    const rows = external.split('\n').filter((line) => /^\| `\w+` \| `\{/.test(line));
    expect(rows).toHaveLength(Object.keys(HOOK).length);
    for (const row of rows) {
      const [operation, asked = '', answered = ''] = [...row.matchAll(/`([^`]+)`/g)].map(([, cell]) => cell);
      const { ask, answer } = HOOK[operation as keyof typeof HOOK];
      const pool = { namespace: 'runners', name: 'linux', uid: 'u' };
      expect(ask.strict().parse({ pool, ...JSON.parse(asked) }), operation).toBeDefined();
      expect(answer.strict().parse(JSON.parse(answered)), operation).toBeDefined();
    }
  });
});

/** A program that prints what the page's function says of the request in its standard input. */
const PROGRAMS = [
  {
    language: 'js',
    runtime: 'node',
    file: 'check.mjs',
    of: (block: string) =>
      `${block}
let input = '';
for await (const chunk of process.stdin) input += chunk;
const { headers, body, secret } = JSON.parse(input);
console.log(isFromHarrier(headers, body, secret));
`,
    run: ['node', 'check.mjs'],
  },
  {
    language: 'python',
    runtime: 'python3',
    file: 'check.py',
    of: (block: string) =>
      `${block}
import json, sys
given = json.load(sys.stdin)
print(str(is_from_harrier(given["headers"], given["body"].encode(), given["secret"])).lower())
`,
    run: ['python3', 'check.py'],
  },
  {
    language: 'go',
    runtime: 'go',
    file: 'check.go',
    of: (block: string) => `package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

${block}
func main() {
	var given struct {
		Headers      map[string]string
		Body, Secret string
	}
	if err := json.NewDecoder(os.Stdin).Decode(&given); err != nil {
		panic(err)
	}
	header := http.Header{}
	for name, value := range given.Headers {
		header.Set(name, value)
	}
	fmt.Println(IsFromHarrier(header, []byte(given.Body), given.Secret))
}
`,
    build: ['go', 'build', '-o', 'check', 'check.go'],
    run: ['./check'],
  },
] as const;

const present = await Promise.all(PROGRAMS.map(async ({ runtime }) => isOnPath(runtime)));

describe.each(PROGRAMS.filter((_, index) => present[index]))('the signature in $language', (program) => {
  let folder: string;
  const env = { ...process.env, PATH: `${join(process.execPath, '..')}${delimiter}${process.env.PATH}` };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'harrier-signature-'));
    const [block, ...others] = blocks(external, program.language);
    expect(others).toEqual([]);
    await writeFile(join(folder, program.file), program.of(block ?? ''));
    if (!('build' in program)) return;
    const [command, ...args] = program.build;
    await promisify(execFile)(command, args, { cwd: folder, env });
  }, 180_000);
  afterAll(() => rm(folder, { recursive: true }));

  async function says(headers: Record<string, string>, body: string, secret: string): Promise<string> {
    const [command, ...args] = program.run;
    const child = spawn(command, args, { cwd: folder, env, stdio: ['pipe', 'pipe', 'inherit'] });
    child.stdin.end(JSON.stringify({ headers, body, secret }));
    return (await text(child.stdout)).trim();
  }

  const secret = randomBytes(32).toString('hex');
  const body = JSON.stringify({ pool: { name: 'linüx' }, namePrefix: 'harrier-' });
  const at = (seconds: number) => String(Math.floor(Date.now() / 1000) + seconds);
  const headers = (timestamp = at(0)) => signedHeaders({ id: 'msg_1', timestamp, body }, secret);

  test('lets Harrier in, and a request some minutes old', async () => {
    expect(await says(headers(), body, secret)).toBe('true');
    expect(await says(headers(at(60 - HOOK_WINDOW_SECONDS)), body, secret)).toBe('true');
    const several = { ...headers(), 'webhook-signature': `v2,AAAA ${headers()['webhook-signature']}` };
    expect(await says(several, body, secret)).toBe('true');
  });

  test('lets nobody else in', async () => {
    expect(await says(headers(), `${body} `, secret)).toBe('false');
    expect(await says(headers(), body, 'another-secret-of-enough-bytes')).toBe('false');
    expect(await says({ ...headers(), 'webhook-id': 'msg_2' }, body, secret)).toBe('false');
    expect(await says({ ...headers(), 'webhook-signature': 'v1,' }, body, secret)).toBe('false');
    expect(await says(headers(at(-60 - HOOK_WINDOW_SECONDS)), body, secret)).toBe('false');
    expect(await says(headers(at(60 + HOOK_WINDOW_SECONDS)), body, secret)).toBe('false');
    expect(await says(headers('soon'), body, secret)).toBe('false');
  });
});

async function isOnPath(name: string): Promise<boolean> {
  if (name === 'node') return true;
  const tries = (process.env.PATH ?? '').split(delimiter).map((folder) => access(join(folder, name)));
  return (await Promise.allSettled(tries)).some(({ status }) => status === 'fulfilled');
}
