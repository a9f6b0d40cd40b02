/** What units track: the partial correlations, the p-values, and what chance gives. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { createRng, type Rng } from '../../src/core/rng.js';
import { Vocabulary } from '../../src/data/vocabulary.js';
import { cellStates, type Feature, type Grid, textFeatures, trace, unitCorrelations } from '../../src/inspect/index.js';
import { ShiftTest, stepDownPValues } from '../../src/inspect/shift-test.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { rejected, thrown } from '../support/errors.js';
import { buildModel } from '../support/model.js';

const NOVEL = readFileSync(join(__dirname, '../../data/moby-dick.txt'), 'utf8').slice(30_000, 34_096);

const gridOf = (units: readonly (readonly number[])[]): Grid => {
  const [rows, cols] = [units[0]!.length, units.length];
  return {
    rows,
    cols,
    data: Float64Array.from({ length: rows * cols }, (_, i) => units[i % cols]![Math.floor(i / cols)]!),
  };
};

/** The same characters in another order. */
function shuffled(text: string, rng: Rng): string {
  const list = [...text];
  for (let i = list.length - 1; i > 0; i--) {
    const j = rng.integer(i + 1);
    [list[i], list[j]] = [list[j]!, list[i]!];
  }
  return list.join('');
}

/** A series that changes slowly: x[t] = 0.97 x[t-1] + noise. */
function slowNoise(length: number, rng: Rng): number[] {
  let x = 0;
  return Array.from({ length }, () => {
    x = 0.97 * x + rng.normal();
    return x;
  });
}

/** What is left of y after a least-squares fit of 1, t and t^2, by the normal equations. */
function residualOf(y: ArrayLike<number>): number[] {
  const T = y.length;
  const rows = Array.from({ length: T }, (_, t) => [1, t / T, (t / T) ** 2]);
  const A = [0, 1, 2].map((i) => [
    ...[0, 1, 2].map((j) => rows.reduce((sum, row) => sum + row[i]! * row[j]!, 0)),
    rows.reduce((sum, row, t) => sum + row[i]! * y[t]!, 0),
  ]);
  for (const i of [0, 1, 2]) {
    for (const k of [0, 1, 2].filter((other) => other !== i)) {
      const factor = A[k]![i]! / A[i]![i]!;
      A[k] = A[k]!.map((v, j) => v - factor * A[i]![j]!);
    }
  }
  const fit = [0, 1, 2].map((i) => A[i]![3]! / A[i]![i]!);
  return rows.map((row, t) => y[t]! - row.reduce((sum, v, i) => sum + v * fit[i]!, 0));
}

function correlation(a: readonly number[], b: readonly number[]): number {
  const dot = (u: readonly number[], v: readonly number[]): number =>
    u.reduce((sum, value, t) => sum + value * v[t]!, 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

describe('the shift test', () => {
  test.each([
    [48, 8],
    [40, 4],
  ])('computes the partial correlation at every shift, of %d steps by %d shifts', (T, B) => {
    const rng = createRng(5, 'test');
    const [unit, feature, other] = [slowNoise(T, rng), slowNoise(T, rng).map((v, t) => v + t), slowNoise(T, rng)];
    const found = new ShiftTest([Float64Array.from(other!), Float64Array.from(feature!)], B).correlations(
      Float64Array.from(unit!, (v) => v + 3),
    )!;
    for (let m = 0; m < B; m++) {
      const moved = feature!.map((_, t) => feature![(t + (m * T) / B) % T]!);
      expect(found[B + m]).toBeCloseTo(correlation(residualOf(unit!), residualOf(moved)), 10);
    }
  });

  test('p-values are those of the step-down maximum', () => {
    // By statistic: 5, 4, 3. Of the 4 shifts, all reach 3 in the last one, 2 reach 4 in the last two, 3 reach 5 in all three.
    const p = stepDownPValues([Float64Array.of(5, 1, 6, 0), Float64Array.of(3, 5, 3, 3), Float64Array.of(4, 2, 1, 1)]);
    expect([...p]).toEqual([3 / 4, 1, 3 / 4]);
  });
});

describe('textFeatures', () => {
  const text = 'He said "no" and\n(then) went.. Or 2!';
  const features = new Map(textFeatures(text).map((feature) => [feature.name, feature]));
  const at = (name: string, word: string) => features.get(name)!.values[text.indexOf(word)]!;

  test('gives one value per character', () => {
    expect(at('inside quotes', 'no')).toBe(1);
    expect(at('inside quotes', 'and')).toBe(0);
    expect(at('bracket depth', 'then')).toBe(1);
    expect(at('bracket depth', 'went')).toBe(0);
    expect(at('position in line', 'He')).toBe(1);
    expect(at('position in line', '(then')).toBe(1);
    expect(at('characters since a sentence ended', 'Or')).toBe(2);
    for (const { values, events } of features.values()) {
      expect(values).toHaveLength(text.length);
      expect(events).toHaveLength(text.length);
    }
  });

  test.each([
    ['position in line', 1, 'line ends'],
    ['position in word', 7, 'words'],
    ['inside quotes', 1, 'quotations'],
    ['bracket depth', 1, 'brackets'],
    ['characters since a sentence ended', 2, 'sentence ends'],
    ['space', 6, 'spaces'],
    ['line end', 1, 'line ends'],
    ['vowel', 8, 'vowels'],
    ['capital letter', 2, 'capital letters'],
    ['digit', 1, 'digits'],
    ['punctuation', 7, 'punctuation marks'],
  ])('counts the events of %s: %d %s', (name, count, event) => {
    const feature = features.get(name)!;
    expect(feature.events!.reduce((a, b) => a + b, 0)).toBe(count);
    expect(feature.event).toBe(event);
  });
});

describe('unitCorrelations', () => {
  const features = textFeatures(NOVEL);
  const valuesOf = (name: string) => features.find((feature) => feature.name === name)!.values;
  const T = NOVEL.length;

  test('finds planted units, with their partial correlation, support and p-value', () => {
    const rng = createRng(2, 'test');
    const noise = () => slowNoise(T, rng);
    const units = [
      noise(),
      valuesOf('position in word').map((v, t) => -0.2 * v + 2e-3 * t + 0.3 * rng.normal()),
      valuesOf('characters since a sentence ended').map((v) => 0.01 * v + 0.8 * rng.normal()),
      noise().map(() => 0.5),
    ];
    const values = { below: gridOf([noise()]), lstm: gridOf(units) };
    const found = unitCorrelations(values, features);
    expect(found).toMatchObject({ steps: T, shifts: 256, minSteps: 2048 });
    expect(found.findings.map(({ layer, unit, feature }) => [layer, unit, feature])).toEqual([
      ['lstm', 1, 'position in word'],
      ['lstm', 2, 'characters since a sentence ended'],
    ]);
    const ends = NOVEL.match(/[.!?]+/g)!.length;
    expect(found.findings[1]).toMatchObject({ event: 'sentence ends', support: ends });
    for (const { feature, unit, correlation: r, pValue } of found.findings) {
      expect(r).toBeCloseTo(correlation(residualOf(units[unit]!), residualOf(valuesOf(feature))), 8);
      expect(pValue).toBeLessThanOrEqual(0.01);
    }
    expect(found.features.find(({ feature }) => feature === 'digit')).toEqual({
      ...{ feature: 'digit', event: 'digits', support: 0, status: 'too few events', stepsNeeded: null },
    });
    expect(unitCorrelations(values, features)).toEqual(found);
  });

  test('one sentence: units that follow the time are not said to follow the sentence', () => {
    const text = `${NOVEL.replace(/[.!?]/g, '').slice(0, 2800)}. `.padEnd(3072, 'and then it was\n');
    const since = textFeatures(text).find(({ name }) => name.startsWith('characters since'))!.values;
    const rng = createRng(4, 'test');
    const ramp = (t: number): number => 1e-3 * t;
    const units = [since.map((_, t) => ramp(t)), since.map((_, t) => Math.tanh(ramp(t)) + 0.01 * rng.normal())];
    expect(Math.abs(correlation(units[0]!, [...since]))).toBeGreaterThan(0.8);
    const found = unitCorrelations({ lstm: gridOf([...units, [...since]]) }, textFeatures(text));
    expect(found.findings).toEqual([]);
    const sentence = found.features.find(({ feature }) => feature.startsWith('characters since'))!;
    expect(sentence).toMatchObject({ status: 'too few events', support: 1, stepsNeeded: 20 * 3072 });
  });

  test('a feature that the position explains is constant, and a text may be too short', () => {
    const line: Feature = {
      name: 'time',
      values: NOVEL.split('').map((_, t) => t * t),
      events: NOVEL.split('').map(() => 1),
    };
    const unit = gridOf([line.values]);
    expect(unitCorrelations({ lstm: unit }, [line]).features[0]).toMatchObject({ status: 'constant', support: T });
    const short = unitCorrelations({ lstm: gridOf([valuesOf('space').slice(0, 2047)]) }, features);
    expect(short).toMatchObject({ findings: [], minSteps: 2048, detectable: null });
    expect(short.features.find(({ feature }) => feature === 'space')!.status).toBe('too few steps');
    const long = unitCorrelations({ lstm: gridOf([valuesOf('space').slice(0, 2048)]) }, features);
    expect(long.findings).toMatchObject([{ unit: 0, feature: 'space', pValue: 1 / 128 }]);
    expect(long.findings[0]!.correlation).toBeCloseTo(1, 10);
  });

  test('a feature without events is supported by its rises above the mean', () => {
    const wave: Feature = {
      name: 'wave',
      values: Array.from({ length: 100 }, (_, t) => Math.sin((2 * Math.PI * (t + 0.5)) / 10)),
    };
    expect(unitCorrelations({ lstm: gridOf([wave.values]) }, [wave]).features).toEqual([
      { feature: 'wave', event: 'rises above the mean', support: 10, status: 'too few events', stepsNeeded: 200 },
    ]);
  });

  test('the share of unrelated data with findings is the significance', () => {
    const runs = 60;
    const values = Array.from({ length: runs }, (_, seed) => {
      const rng = createRng(seed, 'test');
      return { lstm: gridOf(Array.from({ length: 3 }, () => slowNoise(2048, rng))) };
    });
    const withFindings = (significance: number) => (given: Record<string, Grid>) =>
      unitCorrelations(given, features, { significance }).findings.length > 0;
    const often = values.filter(withFindings(0.3));
    const rarely = often.filter(withFindings(0.05));
    // Binomial: 18 and 3 are expected, with standard deviations of 3.5 and 1.7.
    expect(often.length).toBeGreaterThanOrEqual(18 - 9);
    expect(often.length).toBeLessThanOrEqual(18 + 9);
    expect(rarely.length).toBeLessThanOrEqual(3 + 4);
  });

  describe('of a model that reads a novel', () => {
    let values: Record<string, Grid>;
    beforeAll(async () => {
      const vocabulary = Vocabulary.of(NOVEL);
      const model = buildModel(createReference('float64'), {
        seed: 3,
        layers: [
          { kind: 'embedding', size: vocabulary.size, width: 6 },
          { kind: 'lstm', hiddenSize: 8 },
          { kind: 'linear', size: vocabulary.size },
        ],
      });
      values = await cellStates(model, vocabulary.encode(NOVEL));
    });

    test('units follow its features', () => {
      const { findings, features: all } = unitCorrelations(values, features);
      expect(findings.length).toBeGreaterThan(4);
      const support = new Map(all.map((one) => [one.feature, one.support]));
      for (const one of findings) {
        expect(one.pValue).toBeLessThanOrEqual(0.01);
        expect(one.support).toBe(support.get(one.feature));
        expect(one.support).toBeGreaterThanOrEqual(20);
      }
    });

    test('none follows the features of the shuffled text, with ten seeds', () => {
      for (let seed = 1; seed <= 10; seed++) {
        const { findings, detectable } = unitCorrelations(
          values,
          textFeatures(shuffled(NOVEL, createRng(seed, 'test'))),
        );
        expect(findings).toEqual([]);
        expect(detectable).toBeGreaterThan(0.02);
        expect(detectable).toBeLessThan(0.2);
      }
    });
  });

  test('rejects damaged values and features', () => {
    const grid = gridOf([[1, 2, 3, 4]]);
    const calls: [unknown, unknown, RegExp][] = [
      [{ lstm: grid }, textFeatures('abc'), /^features\[0\]\.values must have a number for each of the 4 steps, got 3/],
      [{ lstm: grid }, [{ name: 'a', values: [1, 2, 3, 4], events: [1] }], /^features\[0\]\.events must have .* got 1/],
      [
        { lstm: grid },
        [{ name: 'a', values: [1, 2, 3, 4], event: 3 }],
        /^features\[0\]\.event must be a string, got 3/,
      ],
      [
        { lstm: grid },
        [...textFeatures('abcd'), ...textFeatures('abcd')],
        /^features\[11\]\.name: "position in line" is/,
      ],
      [{ lstm: grid }, {}, /^features must be a list/],
      [grid, [], /^values\.rows must be an object/],
      [{}, [], /^values must have at least one layer/],
      [{ a: grid, b: gridOf([[1, 2]]) }, [], /^values\.b must have 4 rows, as a has, got 2/],
    ];
    for (const [values, list, message] of calls) {
      const { code, message: text } = thrown(() => unitCorrelations(values as Record<string, Grid>, list as Feature[]));
      expect(code).toBe('INVALID_DATA');
      expect(text).toMatch(message);
    }
  });
});

describe('cellStates', () => {
  const layers = [
    { kind: 'lstm', hiddenSize: 3 },
    { kind: 'lstm', hiddenSize: 2 },
    { kind: 'linear', size: 2 },
  ] as const;
  const T = 515;
  const inputs = Array.from({ length: 2 * T }, (_, i) => Math.sin(i * i));
  const batch = { steps: T, batchSize: 1, inputs, targets: new Array(2 * T).fill(0) };

  test('are those of one pass over the whole sequence, in pieces', async () => {
    const model = buildModel(createReference('float64'), { seed: 2, inputSize: 2, layers });
    const states = await cellStates(model, inputs);
    const { layers: traced } = await trace(model, batch);
    expect(Object.keys(states)).toEqual(traced.map(({ name }) => name));
    for (const { name, c } of traced) {
      expect(states[name]).toMatchObject({ rows: T, cols: c.cols });
      expect([...states[name]!.data]).toEqual([...c.data]);
    }
  });

  test('of a bidirectional layer are read as a whole', async () => {
    const spec = { seed: 2, inputSize: 2, layers: [{ ...layers[0], direction: 'bidirectional' as const }, layers[2]] };
    const model = buildModel(createReference('float32'), spec);
    const states = await cellStates(model, Float32Array.from(inputs));
    const { layers: traced } = await trace(model, batch);
    expect(traced.map(({ name }) => name)).toEqual(Object.keys(states));
    for (const { name, c } of traced) expect([...states[name]!.data]).toEqual([...c.data]);
  });

  test.each<[string, unknown, RegExp]>([
    ['a word', 'abcd', /^inputs must be an array/],
    ['no steps', [], /^inputs must have 2 numbers for each of at least one step, got 0/],
    ['half a step', [1, 2, 3], /^inputs must have 2 numbers for each of at least one step, got 3/],
    ['NaN', [1, Number.NaN], /^inputs\[1\] must be a finite number/],
  ])('reject %s', async (_, given, message) => {
    const model = buildModel(createReference('float32'), { inputSize: 2, layers });
    expect((await rejected(() => cellStates(model, given as number[]))).message).toMatch(message);
  });
});
