// The dashboard as Grafana imports it, made with Grafana's own types.
import {
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  ReduceDataOptionsBuilder,
  VizLegendOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import {
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DatasourceVariableBuilder,
  MappingType,
  QueryVariableBuilder,
  RowBuilder,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  VariableRefresh,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as StateTimelineBuilder } from '@grafana/grafana-foundation-sdk/statetimeline';
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import { type Panel, ROWS } from './dashboard-panels.ts';

const DATASOURCE = { type: 'prometheus', uid: '$datasource' } as const;

/** Half a row. */
const SPAN = 12;
const HEIGHT = { graph: 8, figure: 4, states: 6 } as const;

/** The text of grafana-dashboard.json. */
export function dashboardText(): string {
  return `${JSON.stringify(buildDashboard(), null, 2)}\n`;
}

/** Everything that the rows show, with the datasource and the targets to choose. */
function buildDashboard(): Dashboard {
  const dashboard = new DashboardBuilder('mmc-mms')
    .uid('mmc-mms')
    .description('Generated: npm run monitor:dashboard. Alerts and what to do about them: docs/runbook.md')
    .tags(['mmc-mms', 'generated'])
    .timezone('browser')
    .refresh('30s')
    .time({ from: 'now-1h', to: 'now' })
    .tooltip(DashboardCursorSync.Crosshair)
    .annotations([])
    .withVariable(new DatasourceVariableBuilder('datasource').label('Prometheus').type('prometheus'))
    .withVariable(
      new QueryVariableBuilder('target')
        .label('Target')
        .datasource(DATASOURCE)
        .query('label_values(http_requests_total, target)')
        .refresh(VariableRefresh.OnTimeRangeChanged)
        .multi(true)
        .includeAll(true)
        .allValue('.+')
        .current({ selected: true, text: 'All', value: '$__all' }),
    );
  let id = 0;
  for (const { title, panels } of ROWS) {
    id += 1;
    dashboard.withRow(new RowBuilder(title).id(id));
    for (const panel of panels) {
      id += 1;
      dashboard.withPanel(panelOf(panel).id(id));
    }
  }
  return dashboard.build();
}

function panelOf(panel: Panel) {
  const { kind, title, description, unit, queries, names } = panel;
  const builder = kindOf(panel)
    .title(title)
    .description(description)
    .datasource(DATASOURCE)
    .unit(unit)
    .min(0)
    .span(SPAN)
    .height(HEIGHT[kind])
    .thresholds(thresholdsOf(panel));
  for (const [index, { expr, legend }] of queries.entries()) {
    const query = new DataqueryBuilder().refId(`Q${index}`).expr(expr).legendFormat(legend);
    builder.withTarget(kind === 'figure' ? query.instant() : query.range());
  }
  if (names) {
    const options = Object.fromEntries(Object.entries(names).map(([value, text]) => [value, { text }]));
    builder.mappings([{ type: MappingType.ValueToText, options }]);
  }
  return builder;
}

function kindOf({ kind, limit }: Panel) {
  if (kind === 'figure') {
    return new StatBuilder().reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']));
  }
  if (kind === 'states') return new StateTimelineBuilder();
  const mode = limit === undefined ? GraphThresholdsStyleMode.Off : GraphThresholdsStyleMode.Dashed;
  return new TimeseriesBuilder()
    .legend(new VizLegendOptionsBuilder().showLegend(true))
    .thresholdsStyle(new GraphThresholdsStyleConfigBuilder().mode(mode));
}

function thresholdsOf({ limit, isBadBelow }: Panel) {
  const [first, second] = isBadBelow ? ['red', 'green'] : ['green', 'red'];
  return new ThresholdsConfigBuilder()
    .mode(ThresholdsMode.Absolute)
    .steps([
      { value: null, color: first },
      ...(limit === undefined ? [] : [{ value: limit, color: second }]),
    ]);
}
