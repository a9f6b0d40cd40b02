/** Settings of classification and tagging, how samples are read, and saved pipelines: defaults, ranges and refusals. */
import { describe, expect, test } from '@jest/globals';
import { Features } from '../../src/data/sequences/features.js';
import { optionsOfSettings, sequenceSettings } from '../../src/data/sequences/options.js';
import { prepareSequences, sequencePipelineFrom } from '../../src/data/sequences/pipeline.js';
import { tokensOf } from '../../src/data/sequences/read.js';
import { SequenceSource } from '../../src/data/sequences/source.js';
import { parseCsv } from '../../src/data/table/csv.js';
import { thrown } from '../support/errors.js';
import { integer, number, testRanges } from '../support/ranges.js';

const MAX = 1_048_576;
const TABLE = { task: 'classification', isPlain: false, hasTest: false } as const;
const TAGS = { ...TABLE, task: 'tagging' } as const;
const TEXT = { ...TAGS, isPlain: true } as const;
const OPTIONS = { text: 'text', label: 'label' };
const csv = (...lines: string[]) => parseCsv(lines.join('\n'), { name: 'a.csv' });

describe('settings', () => {
  test('have the defaults of their documentation', () => {
    const shared = {
      ...{ values: [], sequence: null, group: null, test: 0.1, validation: 0.1, folds: 0, fold: 1, seed: 1 },
      ...{ lowerCase: false, scale: 'standard', balance: 'none', units: 'characters' },
      ...{ length: 128, context: 16, batchSize: 64 },
    };
    expect(sequenceSettings(OPTIONS, TABLE)).toEqual({ ...shared, ...OPTIONS });
    expect(sequenceSettings({ text: 'text', tags: 'tag' }, TAGS)).toEqual({ ...shared, text: 'text', label: 'tag' });
    expect(sequenceSettings({}, TEXT)).toEqual({ ...shared, text: null, label: null });
    expect(sequenceSettings({ ...OPTIONS, folds: 3 }, TABLE)).toMatchObject({ test: 0, folds: 3 });
    expect(sequenceSettings(OPTIONS, { ...TABLE, hasTest: true })).toMatchObject({ test: 0 });
    const values = ['x'];
    const copied = sequenceSettings({ values, label: 'label' }, TABLE);
    values.pop();
    expect(copied.values).toEqual(['x']);
  });

  const having =
    (name: string, more = {}) =>
    (value: number) =>
      sequenceSettings({ ...OPTIONS, ...more, [name]: value }, TABLE);
  const tagging = (name: string) => (value: number) =>
    sequenceSettings({ text: 'text', tags: 'tag', [name]: value }, TAGS);
  testRanges([
    ['options.folds', integer(2, MAX), having('folds')],
    ['options.fold', integer(1, 5), having('fold', { folds: 5 })],
    ['options.fold', integer(1, 1), having('fold')],
    ['options.seed', integer(0), having('seed')],
    ['options.batchSize', integer(1, MAX), having('batchSize')],
    ['options.test', number(0, Number.MAX_SAFE_INTEGER), having('test')],
    ['options.validation', number(0, Number.MAX_SAFE_INTEGER), having('validation')],
    ['options.length', integer(1, MAX), tagging('length')],
    ['options.context', integer(0, MAX), tagging('context')],
  ]);

  test.each<[object, object, string]>([
    [{ ...OPTIONS, label: '' }, TABLE, 'options.label must name a column, got "".'],
    [{ text: 'text' }, TAGS, 'options.tags must name a column, got undefined.'],
    [{ label: 'label' }, TABLE, 'must have either text or values, got neither.'],
    [{ values: [], label: 'label' }, TABLE, 'options.values must be a list of columns, got [].'],
    [{ values: ['x', ''], label: 'label' }, TABLE, 'options.values must be a list of columns'],
    [{ values: 'x', label: 'label' }, TABLE, 'options.values must be a list of columns, got "x".'],
    [{ ...OPTIONS, sequence: 's' }, TABLE, 'options.sequence needs values'],
    [{ ...OPTIONS, text: 5 }, TABLE, 'options.text must be a string'],
    [{ ...OPTIONS, group: 5 }, TABLE, 'options.group must be a string'],
    [{ values: ['x'], label: 'label', sequence: 5 }, TABLE, 'options.sequence must be a string'],
    [{ ...OPTIONS, lowerCase: 1 }, TABLE, 'options.lowerCase must be '],
    [{ ...OPTIONS, scale: 'robust' }, TABLE, 'options.scale must be '],
    [{ ...OPTIONS, balance: 'even' }, TABLE, 'options.balance must be '],
    [{ ...OPTIONS, units: 'words' }, TABLE, 'options.units'],
    [{ text: 'text', tags: 'tag', units: 'lines' }, TAGS, 'options.units must be '],
    [{ text: 'text', tags: 'tag', balance: 'none' }, TAGS, 'options.balance'],
    [{ units: 'words' }, TEXT, 'options.units must be "characters" for a plain text.'],
    [{ scale: 'none' }, TEXT, 'options.scale is for tables; the data is a plain text.'],
    [{ fold: 1 }, TEXT, 'options.fold is for tables'],
    [{ ...OPTIONS, test: 3 }, { ...TABLE, hasTest: true }, 'options.test has no effect with a test table.'],
    [{ ...OPTIONS, folds: 3 }, { ...TABLE, hasTest: true }, 'options.folds has no effect with a test table.'],
  ])('%j: %s', (options, kind, message) => {
    expect(thrown(() => sequenceSettings(options, kind as typeof TABLE)).message).toContain(message);
  });

  test('options come back from settings', () => {
    const lists: [object, typeof TABLE | typeof TAGS | typeof TEXT][] = [
      [{ ...OPTIONS, group: 'g', test: 5, validation: 0, seed: 3, lowerCase: true, balance: 'weights' }, TABLE],
      [{ values: ['x', 'y'], sequence: 's', label: 'l', folds: 4, fold: 2, scale: 'none', batchSize: 7 }, TABLE],
      [{ text: 't', tags: 'g', units: 'words' }, TAGS],
      [{ length: 9, context: 2, test: 0.2 }, TEXT],
    ];
    for (const [options, kind] of lists) {
      const settings = sequenceSettings(options, kind);
      expect(settings).toMatchObject(Object.fromEntries(Object.entries(options).filter(([key]) => key !== 'tags')));
      expect(sequenceSettings(optionsOfSettings(kind.task, settings), kind)).toEqual(settings);
    }
  });
});

describe('samples', () => {
  const none = { test: 0, validation: 0 };

  test('of steps: those of one name, in the order of the table, with a class or a tag for each', () => {
    const table = csv('id,x,y,label,group', 'a,1,10,p,g', 'b,5,50,q,h', 'a,2,20,p,g', 'b,6,60,q,h', 'a,3,30,p,g');
    const options = { values: ['x', 'y'], sequence: 'id', group: 'group', scale: 'none', ...none };
    const { parts } = prepareSequences({
      task: 'classification',
      source: table,
      options: { ...options, label: 'label' },
    });
    const { samples } = parts.train;
    const a = samples.find(({ sample }) => sample.steps === 3)!;
    expect([...a.inputs]).toEqual([1, 10, 2, 20, 3, 30]);
    expect(a.targets).toEqual([0]);
    expect(a.sample).toMatchObject({ place: 'a.csv, line 2', labels: ['p'], group: 'g', margins: [0, 0] });
    const tagged = prepareSequences({ task: 'tagging', source: table, options: { ...options, tags: 'label' } });
    const b = tagged.parts.train.samples.find(({ sample }) => sample.steps === 2)!;
    expect(b.sample).toMatchObject({ place: 'a.csv, line 3', labels: ['q', 'q'], group: 'h' });
    expect(tagged.parts.train.batch(0)).toMatchObject({
      ...{ steps: 3, batchSize: 2, lengths: Int32Array.of(2, 3) },
      inputs: Float32Array.of(5, 50, 1, 10, 6, 60, 2, 20, 0, 0, 3, 30),
      targets: Int32Array.of(1, 0, 1, 0, 0, 0),
      weights: Float32Array.of(1, 1, 1, 1, 0, 1),
    });
    const other = csv('id,x,label', 'a,1,p', 'a,2,q', 'b,1,q');
    const mixed = { values: ['x'], sequence: 'id', tags: 'label', ...none };
    expect(prepareSequences({ task: 'tagging', source: other, options: mixed }).pipeline.classes).toEqual(['p', 'q']);
  });

  test('tags are one for each step: separated by blanks, or one character each', () => {
    const of = (cell: string, units: string) =>
      prepareSequences({
        ...{ task: 'tagging', source: csv('text,tag', `abc def xyz,${cell}`, `abc def xyz,${cell}`) },
        options: { text: 'text', tags: 'tag', units, ...none },
      } as never).parts.train.samples[0]!.sample;
    expect(of('NVN', 'words')).toMatchObject({ labels: ['N', 'V', 'N'], tokens: ['abc', 'def', 'xyz'], steps: 3 });
    expect(of('N1 V N1', 'words').labels).toEqual(['N1', 'V', 'N1']);
    expect(of('abababababa', 'characters').labels).toHaveLength(11);
    expect(thrown(() => of('NV', 'words')).message).toContain('has 1 tags for 3 time steps.');
  });

  test('tokens are characters or words, perhaps in lower case', () => {
    const of = (text: string, more: object) => tokensOf(text, more as never);
    expect(of('Ab 𝄞', { units: 'characters', lowerCase: false })).toEqual(['A', 'b', ' ', '𝄞']);
    expect(of(' Ab  cD\n', { units: 'words', lowerCase: true })).toEqual(['ab', 'cd']);
  });

  test('a plain text: the training part reads no context, validation and test part do', () => {
    const options = { length: 4, context: 2, test: 8, validation: 8 };
    const { parts } = prepareSequences({ task: 'tagging', source: 'ab cd '.repeat(6), options });
    const margins = (part: 'train' | 'validation' | 'test') => parts[part].samples.map(({ sample }) => sample.margins);
    expect(margins('train')).toEqual([
      [0, 0],
      [0, 0],
    ]);
    expect(margins('validation')).toEqual([
      [0, 2],
      [2, 0],
    ]);
    expect(parts.train.samples[0]!.sample).toMatchObject({
      ...{ place: 'text, characters 1 to 4', tokens: ['a', 'b', 'c', 'd'], labels: ['none', 'space', 'none', 'space'] },
    });
    const weights = parts.validation.batch(0).weights!;
    expect([...Array.from(weights)].reduce((sum, weight) => sum + weight)).toBe(8);
    const few = { ...options, test: 16 };
    const message = thrown(() =>
      prepareSequences({ task: 'tagging', source: 'ab cd '.repeat(6), options: few }),
    ).message;
    expect(message).toContain('text has 24 characters, which are too few');
  });

  test('a token of one sample only is unknown, and counts once per sample', () => {
    const table = csv('text,label', 'aab,p', 'ac,q', 'cdd,q');
    const { pipeline } = prepareSequences({ task: 'classification', source: table, options: { ...OPTIONS, ...none } });
    expect(pipeline.features.tokens).toEqual(['a', 'c']);
    expect([pipeline.features.tokenCount, pipeline.features.width, pipeline.longest]).toEqual([3, 1, 3]);
    expect(pipeline.rules).toEqual({ batchSize: 64, width: null, perStep: false, oversample: false });
    const sample = pipeline.read(csv('text', 'abccd'), false)[0]!;
    expect([...pipeline.features.encode(sample)]).toEqual([1, 0, 2, 2, 0]);
    expect(pipeline.features.unknownIn(sample)).toEqual(['b', 'd']);
    expect(sample).toMatchObject({ labels: [], group: null });
    const { message } = thrown(() => pipeline.encode({ ...sample, labels: ['r'] }));
    expect(message).toContain('a.csv, line 2 has the class "r", which the training part does not have.');
    expect(message).toContain('It has p, q.');
  });

  test('a value that the scale does not allow is refused', () => {
    const features = new Features({ tokens: [], scalers: [{ kind: 'log', offset: 0, factor: 1 }] });
    const sample = { place: 'here', steps: 2, tokens: [], labels: [], group: null, margins: [0, 0] as const };
    expect([...features.encode({ ...sample, values: Float64Array.of(1, Math.E) })]).toEqual([0, 1]);
    expect(features.tokenCount).toBe(null);
    expect(features.unknownIn({ ...sample, tokens: ['a'], values: Float64Array.of() })).toEqual([]);
    expect(thrown(() => features.encode({ ...sample, values: Float64Array.of(0, 1) })).message).toContain(
      'here has the value 0, which the scale "log" does not allow.',
    );
  });

  test('batches are in order without a generator, and an index beyond them is refused', () => {
    const source = new SequenceSource([], { batchSize: 2, width: null, perStep: false, oversample: false });
    expect([source.length, source.stateful]).toEqual([0, false]);
    expect(thrown(() => source.batch(0)).message).toContain('batch index must be an integer');
    expect(thrown(() => source.shuffled({} as never)).message).toContain('rng');
  });
});

describe('a pipeline from JSON', () => {
  const table = csv('text,label', 'ab,p', 'ac,q', 'bc,q');
  const made = prepareSequences({
    task: 'classification',
    source: table,
    options: { ...OPTIONS, test: 0, validation: 0 },
  });
  const json = () => JSON.parse(JSON.stringify(made.pipeline));
  const scaler = { kind: 'none', offset: 0, factor: 1 };

  test('is the same', () => expect(sequencePipelineFrom(json()).toJSON()).toEqual(json()));

  test.each<[string, object, string]>([
    ['another kind', { kind: 'forecasting' }, 'it is not that of a classifier or a tagger'],
    ['no settings', { settings: null }, 'it has no settings'],
    ['settings without values', { settings: { ...json().settings, values: null } }, 'it has no settings'],
    ['no features', { features: null }, 'its vocabulary or its scalers'],
    ['tokens that are numbers', { features: { tokens: [1], scalers: [] } }, 'its vocabulary or its scalers'],
    ['scalers for a text', { features: { tokens: [], scalers: [scaler] } }, 'its vocabulary or its scalers'],
    ['one class', { classes: ['p'] }, 'its classes'],
    ['a class twice', { classes: ['p', 'p'] }, 'its classes'],
    ['a class that is a number', { classes: ['p', 1] }, 'its classes'],
    ['a hole among the classes', { classes: Object.assign(['p', 'q'], { length: 3 }) }, 'its classes'],
    ['a negative length', { longest: -1 }, 'its longest sequence'],
    ['half a step', { longest: 1.5 }, 'its longest sequence'],
  ])('%s', (_, change, problem) => {
    expect(thrown(() => sequencePipelineFrom({ ...json(), ...change })).message).toContain(`is damaged: ${problem}.`);
  });

  test('of values needs one good scaler for each', () => {
    const steps = csv('id,x,y,label', 'a,1,2,p', 'b,3,4,q');
    const options = { values: ['x', 'y'], sequence: 'id', label: 'label', test: 0, validation: 0 };
    const saved = prepareSequences({ task: 'classification', source: steps, options }).pipeline.toJSON();
    expect(sequencePipelineFrom(JSON.parse(JSON.stringify(saved))).features.width).toBe(2);
    for (const scalers of [[scaler], [scaler, scaler, scaler], [scaler, { ...scaler, factor: 0 }]]) {
      const act = () => sequencePipelineFrom({ ...saved, features: { tokens: [], scalers } });
      expect(thrown(act).message).toContain('its vocabulary or its scalers');
    }
  });
});
