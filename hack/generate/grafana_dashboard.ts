/** The dashboard of the chart, panel by panel. Only metrics that a real scrape has may stand in it: a test looks. */

interface Panel {
  title: string;
  /** What Grafana calls the value's unit. */
  unit: string;
  kind?: 'timeseries' | 'stat';
  /** Of the 24 columns. */
  width: number;
  queries: readonly (readonly [expression: string, legend: string])[];
}

const RATE = '$__rate_interval';
const perSecond = (metric: string, by: string) => `sum by (${by}) (rate(${metric}[${RATE}]))`;
const quantile = (part: number, histogram: string, by: string) =>
  `histogram_quantile(${part}, sum by (le, ${by}) (rate(${histogram}_bucket[${RATE}])))`;
/** Every replica of the api tells of the one store that they share. */
const ofStore = (metric: string) => `max(${metric})`;

const ROWS: readonly (readonly [title: string, panels: readonly Panel[]])[] = [
  [
    'Cache',
    [
      {
        title: 'Hit rate, last hour',
        unit: 'percentunit',
        kind: 'stat',
        width: 6,
        queries: [
          [
            'sum(increase(harrier_cache_lookups_total{result="hit"}[1h])) / sum(increase(harrier_cache_lookups_total[1h]))',
            'hit rate',
          ],
        ],
      },
      {
        title: 'Size',
        unit: 'bytes',
        kind: 'stat',
        width: 6,
        queries: [[ofStore('harrier_cache_size_bytes'), 'size']],
      },
      {
        title: 'Entries',
        unit: 'short',
        kind: 'stat',
        width: 6,
        queries: [[ofStore('harrier_cache_entries'), 'entries']],
      },
      {
        title: 'Open uploads',
        unit: 'short',
        kind: 'stat',
        width: 6,
        queries: [[ofStore('harrier_cache_open_uploads'), 'uploads']],
      },
      {
        title: 'Look-ups',
        unit: 'reqps',
        width: 12,
        queries: [[perSecond('harrier_cache_lookups_total', 'result'), '{{result}}']],
      },
      {
        title: 'Bytes saved (in) and found (out)',
        unit: 'Bps',
        width: 12,
        queries: [[perSecond('harrier_cache_bytes_total', 'direction'), '{{direction}}']],
      },
      {
        title: 'Time of look-ups, reservations and commits, 99th percentile',
        unit: 's',
        width: 12,
        queries: [[quantile(0.99, 'harrier_cache_operation_duration_seconds', 'operation'), '{{operation}}']],
      },
      {
        title: 'The same, median',
        unit: 's',
        width: 12,
        queries: [[quantile(0.5, 'harrier_cache_operation_duration_seconds', 'operation'), '{{operation}}']],
      },
      {
        title: 'Evicted entries an hour, by reason',
        unit: 'short',
        width: 8,
        queries: [['sum by (reason) (increase(harrier_cache_evictions_total[1h]))', '{{reason}}']],
      },
      {
        title: 'Evicted bytes an hour, by reason',
        unit: 'bytes',
        width: 8,
        queries: [['sum by (reason) (increase(harrier_cache_evicted_bytes_total[1h]))', '{{reason}}']],
      },
      {
        title: 'Quarantined entries a day, by who found out',
        unit: 'short',
        width: 8,
        queries: [['sum by (finder) (increase(harrier_cache_quarantined_total[1d]))', '{{finder}}']],
      },
      {
        title: 'Size by pool',
        unit: 'bytes',
        width: 12,
        queries: [['max by (namespace, pool) (harrier_cache_pool_size_bytes)', '{{namespace}}/{{pool}}']],
      },
      {
        title: 'Entries by pool',
        unit: 'short',
        width: 12,
        queries: [['max by (namespace, pool) (harrier_cache_pool_entries)', '{{namespace}}/{{pool}}']],
      },
    ],
  ],
  [
    'Runners',
    [
      {
        title: 'Runners',
        unit: 'short',
        width: 12,
        queries: ['desired', 'ready', 'idle', 'busy'].map(
          (state) => [`sum(harrier_pool_${state})`, state] as const,
        ),
      },
      {
        title: 'Agent connections',
        unit: 'short',
        width: 12,
        queries: [['sum(harrier_api_agent_connections)', 'connections']],
      },
    ],
  ],
  [
    'Api',
    [
      {
        title: 'Answers',
        unit: 'reqps',
        width: 12,
        queries: [[perSecond('harrier_api_request_duration_seconds_count', 'status'), '{{status}}']],
      },
      {
        title: 'Tokens refused',
        unit: 'reqps',
        width: 12,
        queries: [[perSecond('harrier_api_token_refusals_total', 'refusal'), '{{refusal}}']],
      },
      {
        title: 'Bytes of the cache through the api',
        unit: 'Bps',
        width: 12,
        queries: [[perSecond('harrier_cache_api_bytes_total', 'direction'), '{{direction}}']],
      },
      {
        title: 'Memory',
        unit: 'bytes',
        width: 12,
        queries: [['process_resident_memory_bytes{job=~".*harrier.*"}', '{{pod}}']],
      },
    ],
  ],
];

const HEIGHT = { timeseries: 8, stat: 4, row: 1 } as const;
const COLUMNS = 24;
const SOURCE = { type: 'prometheus', uid: '$datasource' };

export function grafanaDashboard(): [path: string, text: string] {
  const dashboard = {
    uid: 'harrier',
    title: 'Harrier',
    tags: ['harrier'],
    schemaVersion: 39,
    editable: true,
    refresh: '30s',
    time: { from: 'now-6h', to: 'now' },
    templating: {
      list: [{ name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus' }],
    },
    panels: placed(),
  };
  return ['charts/harrier/files/grafana_dashboard.json', `${JSON.stringify(dashboard, undefined, 2)}\n`];
}

function placed(): object[] {
  const panels: object[] = [];
  let y = 0;
  for (const [title, own] of ROWS) {
    panels.push({
      id: panels.length + 1,
      type: 'row',
      title,
      gridPos: { x: 0, y, w: COLUMNS, h: HEIGHT.row },
    });
    y += HEIGHT.row;
    let [x, lineHeight] = [0, 0];
    for (const panel of own) {
      const { kind = 'timeseries', width } = panel;
      if (x + width > COLUMNS) [x, y, lineHeight] = [0, y + lineHeight, 0];
      panels.push({ id: panels.length + 1, ...drawn(panel), gridPos: { x, y, w: width, h: HEIGHT[kind] } });
      x += width;
      lineHeight = Math.max(lineHeight, HEIGHT[kind]);
    }
    y += lineHeight;
  }
  return panels;
}

function drawn({ title, unit, kind = 'timeseries', queries }: Panel): object {
  return {
    type: kind,
    title,
    datasource: SOURCE,
    fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
    targets: queries.map(([expr, legendFormat], index) => ({
      refId: String.fromCharCode(65 + index),
      datasource: SOURCE,
      expr,
      legendFormat,
    })),
  };
}
