/** The results as Markdown: one table per workload. */
import { table, three } from '../measure.mjs';
import { median, pairedRatio, summary } from '../statistics.mjs';
import { flops, sizes, WORKLOADS } from './workloads.mjs';

const KINDS = { train: 'a training step', stream: 'an inference step with carried state', sequence: 'a forward pass' };

/** The engines whose time is 1 in the columns of ratios. */
const BASELINES = { unspool: 'x Unspool', torch: 'x PyTorch' };

const times = (entry) => entry?.rounds.map((round) => round?.ms) ?? [];

/** The figures of every timed engine: ranked engines first, the fastest first. */
export function figures(id, engines, entries) {
  const work = flops(WORKLOADS[id]);
  const rows = engines.flatMap((engine) => {
    const entry = entries[engine.id];
    const ms = times(entry).filter((value) => value !== undefined);
    if (entry.missing || ms.length === 0) return [];
    const against = (other) => pairedRatio(times(entry), times(entries[other]));
    const of = (ceiling) => (ceiling ? pairedRatio(times(entries[ceiling]), times(entry)) : null);
    const { id, label, group, ceilings = {} } = engine;
    const comparable = !engine.computes;
    return [
      {
        id,
        label,
        group,
        ranked: group !== 'ceilings' && comparable && entry.check.agrees,
        ms: summary(ms),
        rounds: ms.length,
        cpuMs: median(entry.rounds.flatMap((round) => (round ? [round.cpuMs] : []))),
        gflops: comparable ? work / summary(ms).median / 1e6 : null,
        ofProducts: comparable ? of(ceilings.products) : null,
        ofKernels: of(ceilings.kernels),
        ratios: Object.fromEntries(Object.keys(BASELINES).map((base) => [base, against(base)])),
        error: entry.check?.error ?? null,
        note: entry.note ?? '',
      },
    ];
  });
  return rows.sort((a, b) => Number(b.ranked) - Number(a.ranked) || a.ms.median - b.ms.median);
}

const percent = (ratio) => (ratio ? `${Math.round(100 * ratio.median)} %` : '-');
const times3 = (ratio) => (ratio ? three(ratio.median) : '-');
const range = ({ low, high }) => `${three(low)}-${three(high)}`;

/** All workloads in one table: the median ms of each engine, then the best time of each peer divided by our best. */
export function overview(workloads) {
  const ids = Object.keys(workloads);
  const labels = [...new Set(ids.flatMap((id) => workloads[id].figures.map(({ label }) => label)))];
  const find = (id, label) => workloads[id].figures.find((row) => row.label === label && row.ranked);
  const engines = labels.filter((label) => ids.some((id) => find(id, label)));
  const rows = engines.map((label) => [
    label,
    ...ids.map((id) => (find(id, label) ? three(find(id, label).ms.median) : '-')),
  ]);
  const best = (id, test) => {
    const times = workloads[id].figures.filter((row) => row.ranked && test(row)).map((row) => row.ms.median);
    return times.length > 0 ? Math.min(...times) : null;
  };
  const families = [...new Set(engines.map(family))].filter((name) => name !== 'Unspool');
  const ratios = families.map((name) => [
    `${name}'s best / Unspool's best`,
    ...ids.map((id) => {
      const [theirs, ours] = [best(id, (row) => family(row.label) === name), best(id, (row) => row.group === 'ours')];
      return theirs && ours ? three(theirs / ours) : '-';
    }),
  ]);
  return `### All workloads, ms\n\n${table(['engine', ...ids], [...rows, ...ratios])}`;
}

/** The first word of a label: PyTorch for `PyTorch, 2 threads`. */
const family = (label) => label.split(/[ ,]/)[0];

/** The tables of one workload, and a line for each engine that is not ranked or did not run. */
export function report(id, engines, entries) {
  const workload = WORKLOADS[id];
  const all = figures(id, engines, entries);
  const timing = (row) => [three(row.ms.median), range(row.ms), row.rounds, three(row.cpuMs)];
  const contestants = all.filter(({ group }) => group !== 'ceilings');
  const rows = contestants.map((row, i) => [
    row.ranked ? i + 1 : '-',
    row.label,
    ...timing(row),
    row.gflops ? three(row.gflops) : '-',
    percent(row.ofProducts),
    percent(row.ofKernels),
    ...Object.keys(BASELINES).map((base) => times3(row.ratios[base])),
    row.error === null ? '-' : row.error.toExponential(0),
  ]);
  const head = ['ms', 'quartiles', 'rounds', 'CPU ms', 'GFLOP/s'];
  const columns = ['', 'engine', ...head, 'of products', 'of kernels', ...Object.values(BASELINES), 'error'];
  const parts = [`### ${id}: ${KINDS[workload.kind]}, ${sizes(workload)}`, table(columns, rows)];
  const ceilings = all.filter(({ group }) => group === 'ceilings');
  if (ceilings.length > 0) {
    const lines = ceilings.map((row) => [row.label, ...timing(row), three(row.gflops)]);
    parts.push(table(['Unspool kernels without the engine', ...head], lines));
  }
  const outside = [...unranked(contestants, engines, entries), ...absent(engines, entries)];
  if (outside.length > 0) parts.push(outside.map((line) => `- ${line}`).join('\n'));
  return parts.join('\n\n');
}

function unranked(rows, engines, entries) {
  return rows
    .filter(({ ranked }) => !ranked)
    .map(({ id, label }) => {
      if (!entries[id].check) return `${label}: not ranked, it computes ${engines.find((e) => e.id === id).computes}.`;
      return `${label}: not ranked, its results differ from the reference (relative error ${three(entries[id].check.error)}).`;
    });
}

/** Engines that did not run, by reason. Ceilings are listed only if that is unexpected. */
function absent(engines, entries) {
  const reasons = new Map();
  for (const { id, label, group } of engines) {
    const { missing, excused } = entries[id];
    if (missing && !(excused && group === 'ceilings')) reasons.set(missing, [...(reasons.get(missing) ?? []), label]);
  }
  return [...reasons].map(([reason, labels]) => `Not run (${reason}): ${labels.join('; ')}.`);
}
