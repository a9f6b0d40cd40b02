/** Tables and curves of runs and of studies, value by value. */
import { describe, expect, test } from '@jest/globals';
import { differingSettings, runsTable, sortRuns } from '../../src/cli/runs/compare.js';
import type { FoundRun } from '../../src/cli/runs/find.js';
import { lineOf, linesBefore, linesIn } from '../../src/cli/runs/metrics.js';
import { curveOf, lossPlot } from '../../src/cli/runs/plot.js';
import { importanceTable, studyPlots, trialsTable } from '../../src/cli/tune/report.js';
import type { Trial } from '../../src/tune/index.js';

describe('runs', () => {
  const run = (path: string, rest: Partial<FoundRun>): FoundRun => ({
    ...{ path, state: 'finished', result: {}, config: {}, ...rest },
  });
  const runs = [
    run('a', {
      updates: 1500,
      planned: 1500,
      seconds: 75,
      result: { updates: 1, x: 2, loss: 1.23456 } as never,
      config: { lr: 0.1, m: { k: 1 } },
    }),
    run('b10', {
      updates: 1000,
      planned: 2000,
      state: 'killed',
      result: { loss: null } as never,
      config: { lr: 0.1, m: 'q' },
    }),
    run('b9', { state: 'broken', config: { lr: 7 } }),
  ];

  test('in a table', () => {
    expect(differingSettings(runs)).toEqual(['m']);
    expect(runsTable(runs)).toEqual({
      ...{ title: 'Runs', columns: ['run', 'state', 'loss', 'x', 'updates', 'time', 'm'] },
      rows: [
        ['a', 'finished', '1.2346', '2.0000', '1,500', '1:15', '{"k":1}'],
        ['b10', 'killed', '', '', '1,000/2,000', '', 'q'],
        ['b9', 'broken', '', '', '', '', ''],
      ],
    });
  });

  test('sorted by any column, those without it last', () => {
    const by = (key: string, descending = false) => sortRuns(runs, key, descending).map(({ path }) => path);
    expect([by('run'), by('run', true)]).toEqual([
      ['a', 'b9', 'b10'],
      ['b10', 'b9', 'a'],
    ]);
    expect([by('updates'), by('updates', true)]).toEqual([
      ['b10', 'a', 'b9'],
      ['a', 'b10', 'b9'],
    ]);
    expect([by('lr', true), by('loss', true), by('m')]).toEqual([
      ['b9', 'a', 'b10'],
      ['a', 'b10', 'b9'],
      ['a', 'b10', 'b9'],
    ]);
    expect(by('seconds', true)[0]).toBe('a');
  });

  const update = (n: number) => ({ kind: 'update', epoch: 1, update: n, loss: n, gradientNorm: 2 });
  test('lines of metrics', () => {
    const event = { ...update(6), updates: 9, count: 3 } as never;
    expect(lineOf(event, 3)).toEqual(update(6));
    expect(lineOf(event, 4)).toBeNull();
    expect(lineOf({ kind: 'end' } as never, 1)).toBeNull();
    const validation = { kind: 'validation', update: 5, loss: 1 } as never;
    expect(lineOf(validation, 4)).toBe(validation);
    expect(linesIn('{"update":1}\n{"up\n{"update":2}\n')).toEqual([{ update: 1 }]);
    expect(linesIn('{"update":1}\n{"update":2}')).toEqual([{ update: 1 }]); // the last one was cut off
  });

  test('lines that a training will repeat', () => {
    const validation = { kind: 'validation', update: 5 };
    const lines = [update(4), update(5), validation, { kind: 'epoch', update: 5, epoch: 1 }, update(6)];
    const left = (state: object) => linesBefore(lines, state as never).length;
    expect(left({ update: 5, epoch: 2, due: null })).toBe(4);
    expect(left({ update: 5, epoch: 1, due: null })).toBe(3);
    expect(left({ update: 5, epoch: 2, due: 'validation' })).toBe(2);
    expect(left({ update: 3, epoch: 2, due: null })).toBe(0);
    expect(left({ update: 9, epoch: 2, due: null })).toBe(5);
  });

  test('curves: up to 300 points, each the mean of neighbors', () => {
    const lines = Array.from({ length: 601 }, (_, i) => update(i + 1));
    const curve = curveOf(lines, 'update');
    expect(curve).toHaveLength(201);
    expect([curve[0], curve[1], curve[200]]).toEqual([
      [3, 2],
      [6, 5],
      [601, 601],
    ]);
    expect(curveOf(lines.slice(0, 300), 'update')).toHaveLength(300);
    expect(curveOf([{ ...update(1), loss: 'x' }], 'update')).toEqual([]);
    const names = (count: number) =>
      lossPlot(
        't',
        Array.from({ length: count }, (_, i) => ({ name: `r${i}`, lines: lines.slice(0, 2) })),
      ).series.map(({ label }) => label);
    expect([names(1), names(2)]).toEqual([['training'], ['r0, training', 'r1, training']]);
  });
});

describe('a study', () => {
  const trial = (number: number, rest: Partial<Trial>): Trial => ({
    ...{ number, settings: { lr: 0.1 * (number + 1), k: { a: 1 } }, state: 'finished', value: number, reports: [9] },
    ...{ seconds: 75, ...rest },
  });
  const trials = [
    trial(0, { state: 'stopped', value: 3, reports: [4, 3] }),
    trial(1, { state: 'failed', value: null, error: 'NaN', reports: [] }),
    ...[trial(2, {}), trial(3, {}), trial(4, {}), trial(5, {})],
  ];
  const space = { lr: { from: 0.1, to: 1, scale: 'log' }, k: { choices: [{ a: 1 }] } } as const;

  test('trials, the best first', () => {
    const { columns, rows } = trialsTable(space, trials);
    expect(columns).toEqual(['trial', 'state', 'loss', 'rungs', 'time', 'lr', 'k']);
    expect([rows[0], rows[4], rows[5]]).toEqual([
      [2, 'finished', '2.0000', 1, '1:15', String(0.1 * 3), '{"a":1}'],
      [0, 'stopped', '3.0000', 2, '1:15', '0.1', '{"a":1}'],
      [1, 'failed', 'NaN', 0, '1:15', '0.2', '{"a":1}'],
    ]);
    expect(trialsTable(space, trials, { most: 2 }).rows).toHaveLength(2);
  });

  test('importances', () => {
    const { rows } = importanceTable(space, trials);
    // Four groups of neighbors: {0.1, 0.2}, {0.3}, {0.4, 0.5}, {0.6}, with the ranks {5, 6}, {1}, {2, 3}, {4}.
    expect(rows[0]).toEqual(['lr', ((17.5 - 1 - (3 * 1) / 2) / 17.5).toFixed(2), String(0.1 * 3)]);
    expect(rows[1]).toEqual(['k', '0.00', '{"a":1}']);
    expect(importanceTable(space, trials.slice(2, 3)).rows[0]).toEqual(['lr', 'too few trials', String(0.1 * 3)]);
    const pairs = importanceTable(space, trials.slice(2).concat([6, 7, 8, 9].map((n) => trial(n, {})))).rows[0]!;
    expect(pairs[2]).toBe(`${0.1 * 3} to 0.4`);
  });

  test('plots', () => {
    const [byTrial, byRate, ...rest] = studyPlots(space, trials);
    expect(rest).toEqual([]); // a setting that is not a number has none
    expect(byTrial!.series).toEqual([
      { label: 'finished', points: [2, 3, 4, 5].map((n) => [n, n]) },
      { label: 'stopped', points: [[0, 3]] },
    ]);
    expect(byRate).toMatchObject({ title: 'Loss by lr', x: { label: 'lr', log: true } });
    expect(byRate!.series[1]).toEqual({ label: 'stopped', points: [[0.1, 3]] });
    expect(studyPlots({ lr: { choices: [0.1] } }, trials.slice(2))[1]!.x).toEqual({ label: 'lr', log: false });
    expect(studyPlots(space, [trials[1]!])).toEqual([]);
  });
});
