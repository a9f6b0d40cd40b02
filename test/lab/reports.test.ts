/**
 * The jobs of every experiment, its report of given results, where its claims hold, and the figures of tiny runs. After a change
 * that is meant, `npx jest -u test/lab/reports` writes the snapshots, and UNSPOOL_WRITE_FIGURES=1 the figures.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import * as a1 from '../../src/lab/experiments/a1.js';
import * as a2 from '../../src/lab/experiments/a2.js';
import * as a3 from '../../src/lab/experiments/a3.js';
import * as a4 from '../../src/lab/experiments/a4.js';
import * as a5 from '../../src/lab/experiments/a5.js';
import * as a6 from '../../src/lab/experiments/a6.js';
import * as copy from '../../src/lab/experiments/copy.js';
import { type Done, type Experiment, figure, type Job, spread } from '../../src/lab/experiments/experiment.js';
import { EXPERIMENTS } from '../../src/lab/experiments/index.js';

const FIGURES = join(__dirname, '../fixtures/experiments.json');
const ALL = Object.values(EXPERIMENTS) as unknown as readonly Experiment[];
const SEEDS = 3;

/** Results whose values are `value(name, label number, seed)`. */
function resultsOf(experiment: Experiment, value: (name: string, label: number, seed: number) => number): Done[] {
  const jobs = experiment.jobs({ seeds: SEEDS, full: true });
  const labels = [...new Set(jobs.map(({ label }) => label))];
  return jobs.map((job) => ({
    job,
    seconds: 10 * job.seed,
    values: new Proxy({}, { get: (_, name) => value(String(name), labels.indexOf(job.label), job.seed) }),
    curves: new Proxy({}, { get: (_, name) => [[job.seed, String(name).length]] }),
  }));
}

describe.each(ALL.map((experiment) => [experiment.id, experiment] as const))('%s', (_, experiment) => {
  test.each([false, true])('jobs, full: %p', (full) => {
    expect(experiment.jobs({ seeds: 2, full }).map((job) => JSON.stringify(job))).toMatchSnapshot();
  });

  test('tables and plots', () => {
    const done = resultsOf(experiment, (name, label, seed) => ((label + 1) * name.length) / (seed + 1));
    const { tables, plots } = experiment.report(done);
    const lines = [
      ...tables.flatMap(({ title, columns, rows }) => [title, ...[columns, ...rows].map((row) => row.join(' | '))]),
      ...plots.flatMap(({ series, ...plot }) => [JSON.stringify(plot), ...series.map((one) => JSON.stringify(one))]),
    ];
    expect(lines).toMatchSnapshot();
  });

  test('claims hold for values in their range, and for labels in their order', () => {
    const grid = [
      ...[Number.NaN, 0, 1e-17, 9e-13, 1e-12, 9e-10, 1e-9, 9e-9, 1e-8, 9e-7, 1e-6, 9e-4, 1e-3, 0.15, 0.16, 0.59, 0.6],
      ...[0.98, 0.99, 1, 1.01, 1.09, 1.1, 1.19, 1.2, 1.34, 1.35, 1.7, 1.71, 1.97, 2, 3.9, 4, 5, 10, 11, 13, 18, 26, 27],
      ...[36, 37, 74, 75, 199, 200, 201, 211, 221, 222, 398, 399, 1e6, 1.1e6, Number.POSITIVE_INFINITY],
    ];
    const claims = new Map<string, string>();
    const look = (value: Parameters<typeof resultsOf>[1]): void => {
      for (const { claim, holds } of experiment.report(resultsOf(experiment, value)).verdicts) {
        claims.set(claim, `${claims.get(claim) ?? ''}${holds ? 1 : 0}`);
      }
    };
    for (const all of grid) look(() => all);
    for (const sign of [1, -1]) look((__, label) => 100 + sign * label);
    for (const one of [1, 2, 3]) look((__, ___, seed) => (seed === one ? 1e7 : 1e-13)); // a single seed is off
    expect([...claims].map(([claim, holds]) => `${holds} ${claim}`)).toMatchSnapshot();
  });
});

test.each(Object.entries({ a1, a2, a3, a4, a5, a6, copy }))('the settings of each case of %s', (_, { CASES }) => {
  const settings = Object.entries<object>(CASES).map(([label, one]) => {
    const { make, plan, expected, ...others } = one as {
      readonly make?: () => { readonly name: string };
      readonly plan?: (steps: number) => { readonly name: string; readonly steps: number };
      readonly expected?: { readonly claim: string };
    };
    const { name, steps } = { ...make?.(), ...plan?.(1000) };
    return [label, JSON.stringify({ name, steps, claim: expected?.claim, ...others })].join(': ');
  });
  expect(settings).toMatchSnapshot();
});

test('spread and figure', () => {
  expect(spread([3, 1, 2, 4])).toEqual({ median: 3, low: 1, high: 4 });
  expect(spread([])).toEqual({ median: Number.NaN, low: Number.NaN, high: Number.NaN });
  const values = [Number.NaN, Number.POSITIVE_INFINITY, 0, 9.994e-4, 1e-3, -1.2345, 99999, 1e5, -123456];
  expect(values.map(figure)).toEqual([
    ...['none', 'diverged', '0', '1.0e-3', '0.001', '-1.23', '100000', '1.0e+5', '-1.2e+5'],
  ]);
});

describe('figures of a tiny run', () => {
  /** What is smaller than in the real job. */
  const TINY: Readonly<Record<string, object>> = {
    a4: { steps: 120 },
    a5: { characters: 120, units: 6 },
    a6: { batches: 12 },
    copy: { lag: 12, updates: 10 },
    a3: { draws: 3 },
  };
  const SLOW = new Set([
    'TBPTT(10), full lag',
    ...[
      'PES',
      'ES',
      'UORO at 1e-5',
      'ARTBP c=0.01',
      'ARTBP c=1/16 at 1e-5',
      'TBPTT K=100',
      'PES, 100 particles',
      'K=15, buffered',
    ],
    ...[
      'quasi-DEER, weights 0.5',
      'quasi-DEER, weights 1',
      'quasi-DEER, weights 2',
      'DEER, weights 1',
      'DEER, weights 2',
    ],
  ]);
  const FAST = ALL.flatMap((experiment) => {
    const jobs = experiment.jobs({ seeds: 1, full: false }).filter(({ seed }) => seed === 1);
    const isFast = ({ label }: Job): boolean => {
      if (experiment.id === 'a6') return label === 'BPTT' || label === 'TBPTT(1,1)';
      return experiment.id !== 'a2' && !SLOW.has(label);
    };
    return jobs.filter(isFast).map((job) => [`${experiment.id}: ${job.label}`, experiment, job] as const);
  });

  /** Every value and the last point of every curve, by name. */
  const figuresOf = async (experiment: Experiment, job: Job): Promise<Record<string, number>> => {
    const { values, curves } = await experiment.run({ ...job, ...TINY[experiment.id] } as Job, () => {});
    const { ms: _, ...figures } = values; // a time
    const found: Record<string, number> = { ...figures };
    for (const [name, points] of Object.entries(curves ?? {})) {
      const [x, y] = points.at(-1) ?? [Number.NaN, Number.NaN];
      Object.assign(found, { [`${name}: points`]: points.length, [`${name}: last x`]: x, [`${name}: last y`]: y });
    }
    return found;
  };

  const isWriting = process.env.UNSPOOL_WRITE_FIGURES === '1';
  const known = (isWriting ? {} : JSON.parse(readFileSync(FIGURES, 'utf8'))) as Record<string, Record<string, string>>;

  test.each(FAST)('%s', async (name, experiment, job) => {
    const found = await figuresOf(experiment, job);
    if (isWriting) known[name] = Object.fromEntries(Object.entries(found).map(([key, v]) => [key, String(v)]));
    expect(Object.keys(found)).toEqual(Object.keys(known[name]!));
    for (const [key, value] of Object.entries(found)) {
      const expected = Number(known[name]![key]);
      if (!Number.isFinite(expected)) expect(value).toBe(expected);
      else expect(Math.abs(value - expected)).toBeLessThanOrEqual(1e-9 + 2e-3 * Math.abs(expected)); // float32 of any engine
    }
  });

  afterAll(() => {
    if (isWriting) writeFileSync(FIGURES, `${JSON.stringify(known, null, 2)}\n`);
  });
});
