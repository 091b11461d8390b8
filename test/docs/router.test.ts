import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { routerConfig } from '../../src/modes/router_config.ts';
import { PROBLEMS, type ProblemCode } from '../../src/protocol/problem.ts';
import { CONNECT_TIMEOUT_MS } from '../../src/router/cell.ts';
import { parseCellsFile } from '../../src/router/cells_file.ts';
import { untilNextCheck } from '../../src/router/check_cell.ts';
import { EJECTION, SOUND } from '../../src/router/ejection.ts';
import { ROUTER_LIMITS } from '../../src/router/limits.ts';
import { createRouterMetrics } from '../../src/router/metrics.ts';
import { LINGER_MS } from '../../src/router/refuse.ts';

const page = await readFile(join(import.meta.dirname, '../../docs/router.md'), 'utf8');
const rows = page.split('\n').filter((line) => line.startsWith('| '));

describe('the page of the router', () => {
  test('shows a cells file that is taken', () => {
    const [, text = ''] = /```json\n(.*?)```/s.exec(page) ?? [];
    expect(Object.keys(parseCellsFile(text).cells)).toEqual(['1', 'eu-west']);
  });

  test('lists the variables that there are, with their defaults', () => {
    const listed = rows.flatMap((row) => /^\| `(HARRIER_\w+)` \| (\S*)/.exec(row)?.slice(1, 3) ?? []);
    expect(listed.filter((_, index) => index % 2 === 0)).toEqual(
      expect.arrayContaining(Object.keys(routerConfig.shape)),
    );
    const defaults = routerConfig.parse({ HARRIER_CELLS_FILE: 'x' });
    for (const name of [
      'HARRIER_PORT',
      'HARRIER_OPS_PORT',
      'HARRIER_SHUTDOWN_SECONDS',
      'HARRIER_LOG_LEVEL',
    ] as const)
      expect(listed[listed.indexOf(name) + 1]).toBe(String(defaults[name]));
  });

  test('gives each problem its status', () => {
    const codes = rows.flatMap((row) => {
      const [, status, code] = /^\| (\d{3}) `([\w-]+)`/.exec(row) ?? [];
      return code === undefined ? [] : [[Number(status), code] as const];
    });
    expect(codes.length).toBeGreaterThan(5);
    for (const [status, code] of codes) expect(PROBLEMS[code as ProblemCode]?.[0], code).toBe(status);
  });

  test('names the metrics that there are', async () => {
    const metrics = createRouterMetrics();
    metrics.watch(() => ({ ejected: new Map(), upgraded: 0 }));
    const own = (await metrics.registry.getMetricsAsJSON()).map(({ name }) => name);
    for (const name of own.filter((one) => one.startsWith('harrier_'))) expect(page).toContain(`\`${name}\``);
  });

  test('states the limits of the code', () => {
    const seconds = (ms: number) => `${ms / 1000} seconds`;
    expect(page).toContain(
      `${ROUTER_LIMITS.headerBytes / 1024} KiB, within ${seconds(ROUTER_LIMITS.headersTimeoutMs)}`,
    );
    expect(page).toContain(`| ${seconds(ROUTER_LIMITS.idleSocketTimeoutMs)}; WebSockets`);
    expect(page).toContain(`| ${seconds(CONNECT_TIMEOUT_MS)} until it is made`);
    expect(page).toContain(`dropped for ${seconds(LINGER_MS)}`);
    expect(page).toContain(`Every ${seconds(untilNextCheck(SOUND, 0.5))}, give or take a fifth`);
    expect(untilNextCheck(SOUND, 1) / untilNextCheck(SOUND, 0.5)).toBeCloseTo(1.2);
    expect(untilNextCheck({ ...SOUND, failures: 1 }, 0.5)).toBe(1000);
    const { after, firstMs, mostMs } = EJECTION;
    expect(page).toContain(`${after} in a row eject the cell, for ${firstMs / 1000} second, then`);
    expect(page).toContain(`at most ${mostMs / 1000}.`);
  });
});
