import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePorts } from '../../hack/cluster/free_ports.ts';
import { type ControllerProcess, startController } from '../controller/controller_process.ts';
import { type ApiProcess, startApi } from '../runtime/api_process.ts';
import { useCluster } from '../support/cluster.ts';
import { kinds, only, render } from './chart.ts';
import { eventually } from './harrier_process.ts';

const cluster = useCluster();
let api: ApiProcess;
let controller: ControllerProcess;
let scraped: Map<string, string>;

const ENABLED = { metrics: { grafanaDashboard: { enabled: true } } };

beforeAll(async () => {
  const { kubeconfig, namespace } = cluster;
  const [port] = await freePorts(1);
  controller = startController({ kubeconfig, namespace, env: { HARRIER_OPS_PORT: `${port}` } });
  api = await startApi({ kubeconfig, namespace, runners: namespace });
  const texts = await Promise.all([api.opsUrl, `http://127.0.0.1:${port}`].map(scrape));
  scraped = new Map(texts.flatMap((text) => typesIn(text)));
}, 120_000);
afterAll(async () => {
  await api?.stop();
  await controller?.kill('SIGTERM');
});

/** The controller listens a moment after it was started. */
async function scrape(base: string): Promise<string> {
  const attempt = async () => {
    const answer = await fetch(`${base}/metrics`);
    if (!answer.ok) throw new Error(`${base} answers ${answer.status}`);
    return await answer.text();
  };
  return await eventually(attempt, 60_000, () => controller.output());
}

const typesIn = (text: string) =>
  [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type = '']) => [name, type] as const);

interface Dashboard {
  panels: {
    title: string;
    gridPos: { x: number; y: number; w: number; h: number };
    targets?: { expr: string }[];
  }[];
}

async function dashboard(values: object = {}): Promise<Dashboard> {
  const manifests = await render({ values: { ...ENABLED, ...values } });
  return JSON.parse(only(manifests, 'ConfigMap', 'harrier-dashboard').data['harrier.json']);
}

/** A series of a histogram has its name and an ending. */
function metricOf(series: string): string {
  const [, base = series] = /^(.*)_(bucket|count|sum)$/.exec(series) ?? [];
  return scraped.get(base) === 'histogram' ? base : series;
}

test('every metric that the dashboard names is in a real scrape of api or controller', async () => {
  const { panels } = await dashboard();
  const named = panels.flatMap(({ targets = [] }) =>
    targets.flatMap(({ expr }) => expr.match(/\b(harrier|process|nodejs)_\w+/g) ?? []),
  );
  expect(named.length).toBeGreaterThan(15);
  expect([...new Set(named.map(metricOf))].filter((name) => !scraped.has(name))).toEqual([]);
});

test('every metric of the cache is on the dashboard', async () => {
  const text = JSON.stringify(await dashboard());
  const ofCache = [...scraped.keys()].filter((name) => name.startsWith('harrier_cache_'));
  expect(ofCache.length).toBeGreaterThan(8);
  expect(ofCache.filter((name) => !text.includes(name))).toEqual([]);
});

test('no label of the cache holds what there are many of', async () => {
  const text = await scrape(api.opsUrl);
  const lines = text.split('\n').filter((line) => /^harrier_cache_(?!pool_)/.test(line));
  const labels = new Set(lines.flatMap((line) => [...line.matchAll(/[{,](\w+)=/g)].map(([, name]) => name)));
  expect([...labels].sort()).toEqual(['direction', 'finder', 'le', 'operation', 'reason', 'result']);
});

test('no two panels lie on each other', async () => {
  const { panels } = await dashboard();
  const taken = new Set<string>();
  for (const { title, gridPos } of panels)
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        expect(taken.has(`${x} ${y}`), title).toBe(false);
        taken.add(`${x} ${y}`);
      }
});

test('it is made where it is asked for, and found by its label', async () => {
  const made = {
    metrics: { grafanaDashboard: { enabled: true, namespace: 'monitoring', labels: { find: 'me' } } },
  };
  const { metadata } = only(await render({ values: made }), 'ConfigMap', 'harrier-dashboard');
  expect(metadata).toMatchObject({ namespace: 'monitoring', labels: { find: 'me' } });
  const without = kinds(await render(), 'ConfigMap').map((one) => one.metadata.name);
  expect(without).not.toContain('harrier-dashboard');
});
