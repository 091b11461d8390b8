import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { CHART, render, type Values } from './chart.ts';

const routerFrom = [{ podSelector: {} }];

describe('values that cannot be right are refused by their name', () => {
  test.each<[what: string, values: Values, said: RegExp]>([
    ['a misspelt value', { controler: {} }, /controler.*not allowed/],
    ['a misspelt inner value', { image: { repo: 'x' } }, /\/image.*repo.*not allowed/s],
    ['no replica', { controller: { replicas: 0 } }, /\/controller\/replicas.*minimum/],
    ['replicas of the api over one folder', { api: { replicas: 2 } }, /api\.replicas: more than one/],
    [
      'replicas of the api whose bytes are in one folder',
      { api: { replicas: 2 }, cache: { postgres: { host: 'db' } } },
      /cache\.s3\.bucket/,
    ],
    ['an unknown mode of TLS', { cache: { postgres: { tls: { mode: 'on' } } } }, /\/tls\/mode.*verify-full/],
    ['an unknown pull policy', { image: { pullPolicy: 'Sometimes' } }, /\/image\/pullPolicy.*Always/],
    ['a tag as a digest', { image: { digest: 'v1' } }, /\/image\/digest.*pattern/],
    ['an unknown log level', { logLevel: 'loud' }, /\/logLevel.*info/],
    ['an issuer that is no URL', { issuer: 'harrier' }, /\/issuer.*pattern/],
    ['a rotation too quick for verifiers', { keyRotation: '30m' }, /\/keyRotation.*pattern/],
    ['a rotation without unit', { keyRotation: '30' }, /\/keyRotation.*pattern/],
    ['a namespace that cannot be', { runnerNamespaces: ['Not_A_Name'] }, /\/runnerNamespaces\/0.*pattern/],
    ['namespaces as text', { runnerNamespaces: 'ci' }, /\/runnerNamespaces.*array/],
    ['a size without meaning', { api: { data: { size: 'large' } } }, /\/api\/data\/size.*pattern/],
    [
      'a range without its length',
      { networkPolicy: { runners: { exceptCidrs: ['10.0.0.1'] } } },
      /exceptCidrs\/0.*pattern/,
    ],
    [
      'a router without cells',
      { router: { enabled: true }, networkPolicy: { routerFrom } },
      /Name the cells/,
    ],
    ['a cell without its url', { router: { cells: { '1': {} } } }, /\/router\/cells\/1.*url/s],
    [
      'a cell with a path',
      { router: { cells: { '1': { url: 'http://a/b' } } } },
      /\/router\/cells\/1\/url.*pattern/,
    ],
    [
      'a cell of a wrong name',
      { router: { cells: { 'a b': { url: 'http://a' } } } },
      /invalid propertyName 'a b'/,
    ],
    ['a cell of its own that is no name', { cell: 'eu 1' }, /\/cell.*pattern/],
    [
      'a default that is no cell',
      {
        router: { enabled: true, cells: { '1': { url: 'http://a' } }, defaultCell: '2' },
        networkPolicy: { routerFrom },
      },
      /router\.defaultCell: 2 is none/,
    ],
    [
      'a router whom nobody may reach',
      { router: { enabled: true, cells: { '1': { url: 'http://a' } } } },
      /networkPolicy\.routerFrom/,
    ],
    ['a monitor whom nothing lets in', { serviceMonitor: { enabled: true } }, /networkPolicy\.metricsFrom/],
  ])('%s', async (_, values, said) => {
    await expect(render({ values })).rejects.toThrow(said);
  });
});

test("a parent chart's global values are let through", async () => {
  await expect(render({ values: { global: { a: 'b' } } })).resolves.not.toEqual([]);
});

test('the chart is of the version of the package', async () => {
  const chart = parse(await readFile(join(CHART, 'Chart.yaml'), 'utf8'));
  const { version } = JSON.parse(await readFile(join(CHART, '../../package.json'), 'utf8'));
  expect([chart.version, chart.appVersion]).toEqual([version, version]);
});
