/** Tables, sentences and drawings of `unspool inspect`, from fixed findings; and what it reads of a text and of a table. */
import { inflateSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { findingsOf } from '../../src/cli/inspect/findings.js';
import { inspectPage, plotsOf, svgFiles, tablesOf } from '../../src/cli/inspect/page.js';
import { readable, subjectOf } from '../../src/cli/inspect/subject.js';
import { gateTable, lagTable, normTable, summaryOf, verdicts } from '../../src/cli/inspect/summary.js';
import { strongest, type Tracking, trackingNotes, trackTable } from '../../src/cli/inspect/tracking.js';
import { heatmapSvg, pngOf } from '../../src/cli/report/heatmap.js';
import { createModel, type LayerSpec, serializeModel, Vocabulary } from '../../src/index.js';
import type { Grid } from '../../src/inspect/index.js';
import { temporaryFolder } from './in-process.js';

const here = temporaryFolder();
const gridOf = (rows: number, cols: number, data: readonly number[]): Grid => ({
  ...{ rows, cols, data: Float64Array.from(data) },
});

const gate = (name: string, closed: number, open: number) => ({
  ...{ gate: name, mean: 0.12345, closed, open, gradientNorm: 0.000123456 },
  ...{ closedByUnit: [closed, 1], openByUnit: [open, 0] },
});
const flow = { c: [1], cFromNext: [2], cFromH: [3], h: [4], hFromAbove: [5], hFromNext: [6] };
const layer = (name: string, dead: readonly object[], gates = [gate('i', 0.5, 0.2)]) => ({ name, gates, dead, flow });
const lagged = (verdict: string, factor: number | null, length = 12) => ({
  ...{ verdict, factor, c: Array.from({ length }, (_, k) => k + 1) },
  h: Array.from({ length }, (_, k) => 2 * (k + 1)),
});
const found = (rest: object = {}) =>
  ({
    trace: { loss: 1.23456789, layers: [] },
    layers: [layer('a', []), layer('b', [])],
    lags: { step: 11, layers: [lagged('vanishes', 0.456), lagged('too short', null, 3)] },
    norms: [{ name: 'w', norm: 2, gradientNorm: 0.5 }],
    attributions: { gradient: { byStep: [1, 2] }, integrated: { byStep: [3, -4] } },
    ...{ notFinite: { first: null, causes: [] }, spectrum: null, tracking: null, ...rest },
  }) as never;

describe('tables', () => {
  test('of gates, lags and parameters', () => {
    expect(gateTable(found()).rows).toEqual([
      ['a', 'i', '0.123', '50.0', '20.0', '1.2e-4'],
      ['b', 'i', '0.123', '50.0', '20.0', '1.2e-4'],
    ]);
    expect(lagTable(found()).title).toContain('the loss of step 11');
    expect(lagTable(found()).rows).toEqual([
      ...[0, 1, 2, 5, 10].map((lag) => ['a', lag, String(lag + 1), String(2 * (lag + 1))]),
      ...[0, 1, 2].map((lag) => ['b', lag, String(lag + 1), String(2 * (lag + 1))]),
    ]);
    const long = found({ lags: { step: 1, layers: [lagged('fades', 1, 201), lagged('fades', 1, 200)] } });
    const of = (name: string) => lagTable(long).rows.flatMap(([layer, lag]) => (layer === name ? [lag] : []));
    expect([of('a'), of('b')]).toEqual([
      [0, 1, 2, 5, 10, 20, 50, 100, 200],
      [0, 1, 2, 5, 10, 20, 50, 100],
    ]);
    expect(normTable(found()).rows).toEqual([['w', '2', '0.5', '0.25']]);
    expect(tablesOf({ found: found() } as never).map(({ rows }) => rows.length)).toEqual([2, 8, 1]);
    expect(tablesOf({ found: found({ norms: [] }) } as never)).toHaveLength(2);
  });
});

test('conclusions', () => {
  const units = (count: number, why: string) => Array.from({ length: count }, (_, unit) => ({ unit, why }));
  expect(verdicts(found())).toEqual([
    'a: the gradient vanishes (a factor of 0.46 per step along c).',
    'a: no dead units.',
    'b: too few steps to see whether the gradient vanishes.',
    'b: no dead units.',
  ]);
  const first = { tensor: 'h', step: 3, unit: 1, value: Number.NaN };
  const sick = found({
    layers: [
      layer('a', [...units(13, 'silent'), ...units(2, 'no gradient')], [gate('f', 0.5, 0.21), gate('o', 0.5, 0.2)]),
      layer('b', units(12, 'no gradient')),
    ],
    notFinite: { first, causes: [{ tensor: 'c', value: Number.POSITIVE_INFINITY }] },
    spectrum: { lyapunov: [-0.1234], byStep: [], largestOverSteps: [] },
  });
  const twelve = '0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11';
  expect(verdicts(sick).slice(1)).toEqual([
    'a: gate f is saturated 71.0 % of the time: its weights get little gradient.',
    `a: 13 units are silent (|h| below 0.001): ${twelve}, ....`,
    'a: 2 units get no gradient: 0, 1.',
    'b: too few steps to see whether the gradient vanishes.',
    `b: 12 units get no gradient: ${twelve}.`,
    'Largest Lyapunov exponent -0.123 per step: differences between states shrink.',
    'NOT FINITE: first in h at step 3, index 1: NaN.',
    '  computed from c: Infinity',
  ]);
  const other = { lyapunov: [0.5], byStep: [], largestOverSteps: [] };
  const rest = verdicts(found({ spectrum: other, notFinite: { first: { ...first, step: null }, causes: [] } })).slice(
    -2,
  );
  expect(rest).toEqual([
    'Largest Lyapunov exponent 0.5 per step: small differences grow.',
    'NOT FINITE: first in h, index 1: NaN.',
  ]);
});

describe('what units track', () => {
  const finding = (unit: number, feature: string, correlation: number) => ({
    ...{ layer: 'a', unit, feature, correlation, pValue: 0.001, support: 1234, event: 'spaces' },
  });
  const feature = (name: string, status: string, stepsNeeded: number | null = null) => ({
    ...{ feature: name, event: 'digits', support: 3, status, stepsNeeded },
  });
  const tracking = (rest: Partial<Record<keyof Tracking, unknown>> = {}) =>
    ({
      findings: [0.5, -0.45, 0.4, 0.35].map((r, unit) => finding(unit, 'x', r)).concat(finding(9, 'y', -0.9)),
      features: [feature('x', 'tested'), feature('y', 'tested'), feature('z', 'too few events', 12345)],
      ...{ steps: 3000, shifts: 999, minSteps: 2048, detectable: 0.123, text: 't.txt', characters: 3000 },
      ...{ unknownCharacter: null, units: 1500, findingsWhenShuffled: 7, states: {}, ...rest },
    }) as unknown as Tracking;

  test('the three strongest units of each feature, by size', () => {
    expect(strongest(tracking(), 1).map(({ unit }) => unit)).toEqual([9, 0]);
    const { title, rows } = trackTable(tracking());
    expect(title).toBe('What units track, in 3,000 characters of t.txt');
    expect(rows.map((row) => row.slice(1))).toEqual([
      [9, 'y', '-0.90', '0.001', '1,234 spaces'],
      [0, 'x', '0.50', '0.001', '1,234 spaces'],
      [1, 'x', '-0.45', '0.001', '1,234 spaces'],
      [2, 'x', '0.40', '0.001', '1,234 spaces'],
    ]);
  });

  test('in words', () => {
    expect(trackingNotes(tracking())).toEqual([
      '5 of 1,500 units follow a feature more closely than chance explains: x 4, y 1.',
      'partial r: correlation of c with the feature, given the position in the text.',
      'p: how often chance gives such an r in any of 1,500 units and 2 features (999 circular shifts of the text against the states).',
      'Check: the same test with the characters in random order finds 7 units.',
      'Not tested, because of too few events: z (3 digits; about 13,000 characters would be enough).',
    ]);
    expect(trackingNotes(tracking({ findings: [], features: [feature('x', 'tested')] }))).toEqual([
      'What units track: nothing found in 3,000 characters of t.txt. Chance explains all correlations of 1,500 units and 1 features. ' +
        'A partial correlation of about 0.12 would have been found; for half of that, read about 12,000 characters.',
    ]);
    expect(trackingNotes(tracking({ findings: [], features: [feature('x', 'tested')], detectable: null }))[0]).toMatch(
      /1 features\.$/,
    );
    expect(trackingNotes(tracking({ findings: [], features: [feature('z', 'too few events', 7)] }))).toEqual([
      'Not tested, because of too few events: z (3 digits; about 7 characters would be enough).',
    ]);
    const short = trackingNotes(tracking({ steps: 2047, characters: 2047, unknownCharacter: '☃' }));
    expect(short).toEqual([
      'Reading stops at character 2,048, "☃", which the model does not know.',
      'What units track: not tested. 2,047 characters of t.txt are too few to exclude chance; at least 2,048 are needed. Use --text @FILE with a longer text.',
    ]);
  });
});

/** The points of values by their index. */
const indexed = (...values: number[]) => values.map((y, x) => [x, y]);

test('plots have the figures that were found', () => {
  const spectrum = { lyapunov: [1], byStep: [[3], [4]], largestOverSteps: [5, 6] };
  const plots = plotsOf({ found: found({ spectrum }) } as never);
  const series = (title: RegExp) => {
    const plot = plots.find((one) => title.test(one.title))!;
    return Object.fromEntries(plot.series.map(({ label, points }) => [label, points]));
  };
  expect(plots).toHaveLength(1 + 2 + 2 + 1 + 2);
  expect(series(/by lag, of the loss of step 11/)['|dL/dh| (b)']).toEqual(indexed(2, 4, 6));
  expect(Object.values(series(/^a: dL\/dh and/))).toEqual([1, 2, 3, 4, 5, 6].map((value) => indexed(value)));
  const saturation = [0.5, 0.2].map((share, axis) => [share, 1 - axis]);
  expect(series(/^b: saturation/).i!.map((point) => [...point])).toEqual(
    [0, 1].map((u) => saturation.map((v) => v[u])),
  );
  expect(Object.values(series(/^Influence/))).toEqual([indexed(1, 2), indexed(3, -4)]);
  expect(Object.values(series(/^Singular/))).toEqual([
    indexed(3, 4),
    indexed(Number.NaN, Number.NaN),
    expect.anything(),
  ]);
  expect(series(/^Largest factor/)['from the last step back']).toEqual([5, 6].map((y, k) => [k + 1, y]));
  const one = found({ layers: [layer('a', [])], lags: { step: 1, layers: [lagged('fades', 1)] } });
  expect(plotsOf({ found: one } as never)[0]!.series.map(({ label }) => label)).toEqual(['|dL/dc|', '|dL/dh|']);
});

describe('heat maps', () => {
  /** The pixels of a PNG file of `pngOf`. */
  const pixelsOf = (png: Buffer, width: number): number[][] => {
    const length = png.readUInt32BE(33);
    const data = inflateSync(png.subarray(41, 41 + length));
    const row = 3 * width + 1;
    return Array.from({ length: data.length / row }, (_, y) => [...data.subarray(y * row, (y + 1) * row)]);
  };

  test('a PNG file has its pixels by row, and the checksums of its parts', () => {
    const png = pngOf(2, 3, (x, y) => [x, y, 9]);
    expect([...png.subarray(0, 8)]).toEqual([137, 80, 78, 71, 13, 10, 26, 10]);
    expect([png.readUInt32BE(8), png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([13, 2, 3]);
    expect([...png.subarray(24, 29)]).toEqual([8, 2, 0, 0, 0]);
    expect(pixelsOf(png, 2)).toEqual([0, 1, 2].map((y) => [0, 0, y, 9, 1, y, 9]));
    expect(png.subarray(-8).toString('hex')).toBe('49454e44ae426082'); // the checksum of an empty IEND
  });

  test('the drawing has a column for each step, a row for each unit, and labels that fit', () => {
    const svg = heatmapSvg('a <c>', gridOf(2, 3, [0, 1, Number.NaN, 0.5, 0, 1]), 'size', [0, 1], ['x', '&']);
    const png = Buffer.from(/base64,([^"]+)"/.exec(svg)![1]!, 'base64');
    const rows = pixelsOf(png, 2);
    const [low, high] = [
      [0x44, 0x01, 0x54],
      [0xfd, 0xe7, 0x25],
    ];
    expect(rows[0]!.slice(1, 4)).toEqual(low); // unit 0 at step 0
    expect(rows[1]!.slice(1)).toEqual([...high, ...low]);
    expect(rows[2]!.slice(1)).toEqual([255, 0, 255, ...high]);
    expect(svg).toContain('viewBox="0 0 860 96" width="860" height="96"'); // at least 48 high
    expect(svg).toContain('<image x="56" y="8" width="804" height="48"');
    const labels = [...svg.matchAll(/<text x="([\d.]+)" y="69" text-anchor="middle" font-size="10">([^<]+)</g)];
    expect(labels.map(([, x, text]) => [x, text])).toEqual([
      ['257.0', 'x'],
      ['659.0', '&amp;'],
    ]);
    expect(svg).toContain('aria-label="a &lt;c&gt;: from 0 to 1"');
    expect(svg).toContain('>unit 0</text>');
    expect(svg).toContain('text-anchor="end">2</text>');
    expect(svg.match(/<stop /g)).toHaveLength(9);
    expect(svg).toContain('<stop offset="0.125"');
    expect(svg).toContain('linearGradient id="a-c-"');
  });

  test('of many steps every twelfth part is labeled; figures are short', () => {
    const of = (T: number, marks: string[], range: [number, number]) =>
      heatmapSvg('t', gridOf(T, 50, new Array(50 * T).fill(0)), 'sign', range, marks);
    const labels = (svg: string) => [...svg.matchAll(/text-anchor="middle"[^>]*>([^<]+)</g)].map(([, text]) => text);
    expect(labels(of(131, new Array(131).fill('m'), [-1, 1]))).toEqual(
      Array.from({ length: 12 }, (_, i) => String(11 * i)),
    );
    expect(labels(of(130, new Array(130).fill('m'), [-1, 1]))).toHaveLength(130);
    expect(labels(of(5, ['m'], [-1, 1]))).toEqual(['0', '1', '2', '3', '4']);
    expect(of(5, [], [-0.00123, 9999])).toContain('from -0.0012 to 10000');
    expect(of(5, [], [-0.000999, 1e4])).toContain('from -1.0e-3 to 1.0e+4');
    expect(of(5, [], [0, 1])).toContain('height="240" preserveAspectRatio'); // 50 units, at most 240 high
  });
});

describe('what is read', () => {
  const save = async (name: string, layers: readonly LayerSpec[], characters: string | null) => {
    const spec = characters === null ? { inputSize: 2, layers } : { layers };
    const model = await createModel(spec, { backend: 'reference' });
    const vocabulary = characters === null ? {} : { vocabulary: new Vocabulary([...characters]) };
    return here.write(name, await serializeModel(model, vocabulary));
  };
  const letters = (rest: object = {}): LayerSpec[] => [
    { kind: 'embedding', size: 3, width: 2 },
    { kind: 'lstm', hiddenSize: 2, ...rest },
    { kind: 'linear', size: 3 },
  ];

  test('of a text: the steps, the next characters, and the text up to a character that is unknown', async () => {
    const file = await save('a.safetensors', letters(), 'abc');
    const text = here.write('t.txt', 'abcabc☃abc');
    const subject = await subjectOf(file, { text: `@${text}`, steps: 4 });
    expect(subject).toMatchObject({ read: ['a', 'b', 'c', 'a'], what: `4 characters of ${text}` });
    expect([Array.from(subject.batch.inputs), Array.from(subject.batch.targets!)]).toEqual([
      [0, 1, 2, 0],
      [1, 2, 0, 1],
    ]);
    expect(subject.tracked).toMatchObject({ characters: [...'abcabc'], unknown: '☃', of: text });
    const given = await subjectOf(file, { text: 'abcab', steps: 9, read: 3 });
    expect(given).toMatchObject({ read: [...'abca'], what: '4 characters of the given text' });
    expect(given.tracked).toMatchObject({ characters: [...'abc'], unknown: null });
    await expect(subjectOf(file, { text: 'ab', steps: 9 })).rejects.toThrow('has 2 characters; at least 3 are needed');
    const once = await save('once.safetensors', letters({ returns: 'last' }), 'abc');
    expect(Array.from((await subjectOf(once, { text: 'abcab', steps: 9 })).batch.targets!)).toEqual([1]);
  });

  test('by default as much as takes a few seconds: 20,000 characters, or 4e10 multiply-adds', () => {
    expect([1, 2e6, 4e6, 4e10, 4e10 + 1].map((size) => readable({ size }))).toEqual([20_000, 20_000, 10_000, 1, 0]);
  });

  test('of a table: rows of inputs, and the last columns of the next row', async () => {
    const layers: LayerSpec[] = [
      { kind: 'lstm', hiddenSize: 2 },
      { kind: 'linear', size: 1 },
    ];
    const file = await save('n.safetensors', layers, null);
    const csv = here.write('r.csv', 'x,y\n1,2\n3,4.56789\n5,6\n7,8\n');
    const { batch, read, what, tracked } = await subjectOf(file, { csv, steps: 2 });
    expect([Array.from(batch.inputs), Array.from(batch.targets!), batch.steps]).toEqual([
      [1, 2, 3, 4.56789],
      [4.56789, 6],
      2,
    ]);
    expect({ read, what, tracked }).toEqual({ read: ['1 2', '3 4.568'], what: `2 rows of ${csv}`, tracked: null });
    expect((await subjectOf(file, { csv, steps: 99 })).batch.steps).toBe(3);
  });

  test('the spectrum is left out where the state is not carried from step to step, or is large', async () => {
    const spectrumOf = async (rest: object, units = 2) => {
      const layers: LayerSpec[] = [
        { kind: 'lstm', hiddenSize: units, ...rest },
        { kind: 'linear', size: 1 },
      ];
      const file = await save(`s${units}.safetensors`, layers, null);
      const csv = here.write('s.csv', 'x,y\n1,2\n3,4\n5,6\n');
      return (await findingsOf(await subjectOf(file, { csv, steps: 2 }))).spectrum;
    };
    expect((await spectrumOf({}))!.byStep).toHaveLength(2);
    for (const rest of [{ returns: 'last' }, { direction: 'reverse' }, { cell: { gateRecurrence: true } }]) {
      expect(await spectrumOf(rest)).toBeNull();
    }
    expect(await spectrumOf({}, 81)).toBeNull(); // h and c: 162
  });

  test('the page and the summary show what was found, and line breaks can be seen', async () => {
    const file = await save('p.safetensors', letters(), 'a\n\t');
    const subject = await subjectOf(file, { text: 'a\n\ta\n', steps: 9 });
    const all = await findingsOf(subject);
    const loss = all.trace.loss.toFixed(4);
    expect(summaryOf(subject, all)).toMatch(new RegExp(`^${file} on 4 characters of the given text: loss ${loss}\n`));
    const page = await inspectPage([{ subject, found: all }]);
    expect(page).toContain(`on 4 characters of the given text: loss <b>${loss}</b>`);
    expect(page).toMatch(/font-size="10">⏎<.*font-size="10">⇥</);
    expect(page).toContain('What units track: not tested.');
    expect(page.match(/<figcaption>lstm /g)).toHaveLength(12);
    expect(page).not.toContain('<hr>');
    const two = await inspectPage([
      { subject, found: all },
      { subject, found: all },
    ]);
    expect(two.match(/<hr>/g)).toHaveLength(1);
    const names = [...(await svgFiles({ subject, found: all })).keys()];
    expect(names.slice(0, 12)).toEqual([
      ...['i', 'f', 'g', 'o', 'c', 'h', 'dl-di', 'dl-df', 'dl-dg', 'dl-do', 'dl-dc', 'dl-dh'].map((n) => `lstm-${n}`),
    ]);
  });
});
