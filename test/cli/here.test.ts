/** Commands in this process, and their figures next to those of the library: lab compare, sample, info, gradcheck. */
import { describe, expect, test } from '@jest/globals';
import { gradcheckCommand } from '../../src/cli/gradcheck.js';
import { infoCommand } from '../../src/cli/info.js';
import { comparisonPage, comparisonPlots, comparisonTable, flowOf, staleTable } from '../../src/cli/lab/comparison.js';
import { reportCsv, reportPage } from '../../src/cli/lab/page.js';
import { labCommands } from '../../src/cli/lab.js';
import { csvLine, escaped, htmlPage, tableHtml } from '../../src/cli/report/html.js';
import { stopsIn } from '../../src/cli/sample/run.js';
import { sampleCommand } from '../../src/cli/sample.js';
import {
  beamSearch,
  createModel,
  createRng,
  deserializeModel,
  estimateMemory,
  generateText,
  serializeModel,
  Vocabulary,
} from '../../src/index.js';
import { compare, parseEstimator } from '../../src/lab/index.js';
import { make, SPECS } from '../estimators/support.js';
import { runHere, temporaryFolder } from './in-process.js';

const here = temporaryFolder();
const lines = (text: string) => text.trimEnd().split('\n');
const records = (text: string) => lines(text).map((line) => JSON.parse(line) as Record<string, unknown>);

const LETTERS = ['a', 'b', 'c', ' '];
async function save(name: string, metadata: Record<string, string> = {}): Promise<string> {
  const layers = [
    { kind: 'embedding', size: 4, width: 3 },
    { kind: 'lstm', hiddenSize: 5 },
    { kind: 'linear', size: 4 },
  ] as const;
  const model = await createModel({ seed: 3, layers }, { backend: 'reference' });
  return here.write(name, await serializeModel(model, { vocabulary: new Vocabulary(LETTERS), metadata }));
}

describe('pages and CSV', () => {
  test('escape what they show', () => {
    expect(escaped('<a href="x">&')).toBe('&lt;a href=&quot;x&quot;&gt;&amp;');
    expect(csvLine(['a', 'b,c', 'd"e', 'f\ng', 1.5])).toBe('a,"b,c","d""e","f\ng",1.5');
    expect(htmlPage('a<b', 'body', 'x{}')).toMatch(/<title>a&lt;b<\/title>.*x{}<\/style>.*<h1>a&lt;b<\/h1>\nbody\n/s);
  });

  test('have columns of numbers at the right', () => {
    const html = tableHtml({
      title: 't',
      note: 'n',
      columns: ['a', 'b', 'c'],
      rows: [
        ['x', 1, '-1.5e-3'],
        ['y', '2,000', 'none'],
      ],
    });
    expect(html).toContain('<h2>t</h2>\n<p class="note">n</p>');
    expect(html).toContain('<th scope="col">a</th><th scope="col" class="number">b</th><th scope="col">c</th>');
    expect(html).toContain('<td>x</td><td class="number">1</td><td class="number">-1.5e-3</td>');
    expect(html).toContain('<td>y</td><td class="number">2,000</td><td>none</td>');
  });

  test('of an experiment: verdicts, papers and tables', async () => {
    const verdicts = [
      { claim: 'c', found: 'f, g', holds: true },
      { claim: 'd', found: 'h', holds: false },
    ];
    const report = { tables: [{ title: 't', columns: ['a'], rows: [[1]] }], plots: [], verdicts };
    expect(reportCsv(report)).toBe('t\na\n1\n\nholds,claim,found\ntrue,c,"f, g"\nfalse,d,h\n');
    const papers = [
      { full: 'P & Q', url: 'https://x.org/1' },
      { full: 'R', url: null },
    ] as never;
    const page = await reportPage({ id: 'a1', title: 'T', question: 'q', source: 's', papers }, report, ['one', 'two']);
    expect(page).toContain('<h1>A1: T</h1>');
    expect(page).toContain('<tr><td class="holds">holds</td><td>c</td><td>f, g</td></tr>');
    expect(page).toContain('<tr><td class="fails">does not hold</td><td>d</td><td>h</td></tr>');
    expect(page).toContain('<ul><li>P &amp; Q <a href="https://x.org/1">x.org/1</a></li><li>R</li></ul>');
    expect(page).toContain('<ul><li>one</li><li>two</li></ul>');
    expect(page).not.toContain('No plots');
    const bare = await reportPage({ id: 'a', title: 'T', question: 'q', source: 's' }, { ...report, verdicts: [] }, []);
    expect(bare).not.toMatch(/<h2>(Papers|Verdicts)/);
  });
});

describe('lab compare', () => {
  const total = { cosine: 0.5, normRatio: 2, bias: 0.25, biasInterval: [0.1, 0.4], variance: 3, z: 1.5 };
  const one = {
    name: 'uoro',
    stochastic: true,
    total,
    floats: 10,
    macs: 20,
    ms: 0.5,
    errorOfMean: [{ draws: 1, error: 2 }],
  };
  const exact = { ...one, name: 'rtrl', stochastic: false, total: { ...total, bias: 0 }, errorOfMean: [] };
  const points = (k: number) => [1, 2].map((step) => ({ step, staleness: step / k, cosine: 0.9, cosineHeld: 0.8 }));
  const found = [1, 2].map((seed) => ({
    ...{ seed, comparisons: [one, exact], warnings: ['w.'] },
    stale: [{ name: 'uoro', points: points(seed) }],
  })) as never;

  test('tables have a row for each estimator and seed', () => {
    expect(comparisonTable(found).rows).toEqual([
      ...[1, 2].map((seed) => ['uoro', seed, '0.5', '2', '0.25', '0.1-0.4', '3', '1.5', '10', '20', '0.5']),
      ...[1, 2].map((seed) => ['rtrl', seed, '0.5', '2', '0', '', '0', '', '10', '20', '0.5']),
    ]);
    expect(staleTable(found).rows).toEqual([
      ['uoro', 1, 2, '2', '0.9', '0.8'],
      ['uoro', 2, 2, '1', '0.9', '0.8'],
    ]);
    expect(staleTable([{ seed: 1, comparisons: [], warnings: [] }]).rows).toEqual([]);
  });

  test('the flow of the exact gradient has the norms of dL/dh and dL/dc', () => {
    const { system, sequence } = make(SPECS.plain!, { steps: 3 });
    const { h, c, norms } = flowOf(system, sequence);
    // Nothing follows the last step, so c gets no gradient there but through h.
    const step = sequence.reduce(
      (last, data) => system.step(last?.state ?? system.initial(), data),
      null as never as ReturnType<typeof system.step>,
    );
    const q = step.lossGradient(null);
    const parts = (kind: string) => system.parts.filter((part) => part.kind === kind);
    const normOf = (kind: string) =>
      Math.hypot(...parts(kind).flatMap(({ from, to }) => Array.from(q).slice(from, to)));
    expect([h[2], c[2]]).toEqual([expect.closeTo(normOf('h'), 10), expect.closeTo(normOf('c'), 10)]);
    expect([h.length, c.length, norms.length]).toEqual([3, 3, 3]);
    expect(h[0]).not.toBe(c[0]);
  });

  test('plots show what there is, and the page has the warnings once', async () => {
    const flow = { norms: [5, 6], cosines: [0.5, 1], h: [1, 2], c: [3, 4] };
    const plots = comparisonPlots(found, flow);
    expect(plots.map(({ series }) => series.map(({ label, points }) => [label, points]))).toEqual([
      [
        [
          '|G_k|',
          [
            [0, 5],
            [1, 6],
          ],
        ],
      ],
      [
        [
          'lags up to k',
          [
            [0, 0.5],
            [1, 1],
          ],
        ],
      ],
      [
        [
          '|dL/dh|',
          [
            [0, 1],
            [1, 2],
          ],
        ],
        [
          '|dL/dc|',
          [
            [0, 3],
            [1, 4],
          ],
        ],
      ],
      [['uoro', [[20, 0.25]]]], // bias and cost: not of an exact estimator
      [['uoro', [[20, 3]]]], // variance and cost
      [['uoro', [[1, 2]]]], // error of the mean
      [
        [
          'uoro',
          [
            [1, 1],
            [2, 2],
          ],
        ],
      ], // staleness
    ]);
    expect(plots[3]!.title).toBe('Bias and cost');
    expect(comparisonPlots([{ seed: 1, comparisons: [exact], warnings: [] }] as never, flow)).toHaveLength(3);
    const page = await comparisonPage('d', { steps: 3 }, found, flow);
    expect(page.match(/<li>w\.<\/li>/g)).toHaveLength(1);
    expect(page).toContain('<ul><li>unspool lab compare</li><li>steps: 3</li>');
  });

  test('prints the figures of the library, of noise and of a model', async () => {
    const command = labCommands.find(({ name }) => name === 'lab compare')!;
    const args = ['--estimators', 'rtrl tbptt:k1=1,k2=2', '--steps', '6', '--draws', '3', '--seeds', '2'];
    const text = await runHere(command, ...args, '--hidden-size', '3', '--lr', '0.1');
    expect(text).toContain('Compared with the exact gradient of an untrained LSTM of 3 units on 6 steps of noise:');
    expect(text.match(/^tbptt\(k1=1, k2=2\) +[12] +\d+ +\S+ +\S+ +\S+$/gm)).toHaveLength(2);
    const file = await save('lab.safetensors');
    here.write('lab.txt', 'abc cab abc');
    const json = records(
      await runHere(command, file, ...args.slice(0, 4), '--seeds', '1', '--text', here.at('lab.txt'), '--json'),
    );
    const { model } = await deserializeModel(here.read('lab.safetensors'), {
      backend: 'reference',
      precision: 'float64',
    });
    const { modelSystem } = await import('../../src/lab/index.js');
    const tokens = [0, 1, 2, 3, 2, 0, 1];
    const sequence = Array.from({ length: 6 }, (_, t) => ({
      ...{ input: Int32Array.of(tokens[t]!), target: Int32Array.of(tokens[t + 1]!) },
    }));
    const own = compare([parseEstimator('tbptt:k1=1,k2=2')], modelSystem(model), sequence, { seed: 1 });
    const [first] = json as unknown as { comparisons: { total: object; macs: number }[] }[];
    expect(first!.comparisons[1]!.total).toEqual(JSON.parse(JSON.stringify(own.comparisons[0]!.total)));
    expect(first).not.toHaveProperty('stale');
    here.write('short.txt', 'abcabc');
    const short = runHere(command, file, ...args, '--text', here.at('short.txt'));
    await expect(short).rejects.toThrow('the text has 6 characters; 7 are needed.');
    await expect(runHere(command, file, ...args)).rejects.toThrow('missing --text');
  });
});

describe('sample', () => {
  test('writes the text of the library', async () => {
    const file = await save('sample.safetensors', { context: 'ab ' });
    const load = () => deserializeModel(here.read('sample.safetensors'), { backend: 'reference' });
    const { model, vocabulary } = await load();
    let text = '';
    const settings = { length: 30, temperature: 0.7, topK: 3, repetitionPenalty: 1.2, repetitionWindow: 5 };
    for await (const piece of generateText(model, vocabulary!, 'ab ', createRng(4, 'sample'), settings)) text += piece;
    const flags = [
      '--length',
      '30',
      '--temperature',
      '0.7',
      '--top-k',
      '3',
      '--repetition-penalty',
      '1.2',
      '--repetition-window',
      '5',
      '--seed',
      '4',
    ];
    expect(await runHere(sampleCommand, file, ...flags)).toBe(`${text}\n`);
    expect(await runHere(sampleCommand, file, '--prompt', 'ab ', ...flags)).toBe(`ab ${text}\n`);
    expect(records(await runHere(sampleCommand, file, ...flags, '--json'))).toEqual([
      { kind: 'sample', prompt: '', context: 'ab ', text },
    ]);
    expect(await runHere(sampleCommand, file, ...flags, '--quiet')).toBe('');
    const [best] = await beamSearch(model, vocabulary!.encode('ab '), { beams: 3, length: 8 });
    const likeliest = vocabulary!.decode(best!.tokens);
    expect(await runHere(sampleCommand, file, '--beams', '3', '--length', '8')).toBe(`${likeliest}\n`);
    const stop = likeliest.slice(2, 4);
    const cut = likeliest.slice(0, likeliest.indexOf(stop));
    expect(
      await runHere(sampleCommand, file, '--beams', '3', '--length', '8', '--stop', `["zz", ${JSON.stringify(stop)}]`),
    ).toBe(`${cut}\n`);
    expect(await runHere(sampleCommand, file, '--beams', '3', '--length', '0')).toBe('\n');
    await expect(runHere(sampleCommand, file, '--beams', '3', '--top-k', '3')).rejects.toThrow(
      '--top-k cannot be combined',
    );
  });

  test('ends before texts', () => {
    expect([undefined, '', 'END', '["a","b"]', '[]'].map(stopsIn)).toEqual([[], [], ['END'], ['a', 'b'], []]);
    for (const wrong of ['[', '[1]', '[""]'])
      expect(() => stopsIn(wrong)).toThrow('--stop must be a text or a JSON list');
  });
});

test('info prints the layers, the parameters and the memory of a training', async () => {
  const file = await save('info.safetensors', { note: 'x' });
  const { spec } = await deserializeModel(here.read('info.safetensors'), { backend: 'reference' });
  const text = lines(await runHere(infoCommand, file));
  expect(text.slice(2, 6)).toEqual([
    'Layers',
    '  embedding  size 4, width 3',
    '  lstm       hiddenSize 5',
    '  linear     size 4',
  ]);
  const parameters = 12 + 4 * 5 * (3 + 5 + 2) + 4 * 6;
  expect(text[7]).toBe(`Parameters: ${parameters}`);
  expect(text).toContain('  lstm.weight_ih_l0  [20, 3]   60');
  const [record] = records(await runHere(infoCommand, file, '--json')) as never as [
    { memory: Record<string, unknown> },
  ];
  const sizes = { steps: 100, batchSize: 50 };
  expect(record.memory).toMatchObject({ optimizer: 'adam', steps: expect.any(Number), batchSize: expect.any(Number) });
  const { steps, batchSize } = record.memory as typeof sizes;
  const memory = await estimateMemory(spec, { steps, batchSize }, {
    optimizer: { kind: 'adam' },
    loss: 'crossEntropy',
    threads: 'auto',
  } as never);
  const count = (n: number) => n.toLocaleString('en-US');
  expect(text.find((line) => line.startsWith('  total'))).toMatch(new RegExp(` ${count(memory.total)} bytes$`));
  expect(text.find((line) => line.startsWith('  tape'))).toContain(
    `${count(memory.tape)} bytes, ${count(memory.step)} per time step`,
  );
  expect(text).toContain(`Memory to train with batch size ${batchSize} and ${steps} time steps`);
  expect(text).toContain('Vocabulary: 4 characters');
  expect(text.slice(-4)).toEqual(['Metadata', '  {', '    "note": "x"', '  }']);
});

test('gradcheck prints the worst number of each tensor, and fails beyond the tolerance', async () => {
  const model = {
    seed: 1,
    inputSize: 2,
    layers: [
      { kind: 'lstm', hiddenSize: 2 },
      { kind: 'linear', size: 1 },
    ],
  };
  const config = here.write(
    'g.json',
    JSON.stringify({ model, steps: 3, batchSize: 2, tolerance: 1e-6, epsilon: 1e-5 }),
  );
  const [record] = records(await runHere(gradcheckCommand, '--config', config, '--json')) as never as [
    {
      passed: boolean;
      tolerance: number;
      worst: { relativeError: number };
      tensors: { tensor: string; checked: number }[];
    },
  ];
  expect(record).toMatchObject({ passed: true, tolerance: 1e-6 });
  const text = lines(await runHere(gradcheckCommand, '--config', config));
  expect(text).toHaveLength(1 + record.tensors.length + 2);
  for (const [i, { tensor, checked }] of record.tensors.entries()) {
    expect(text[1 + i]!.trim().split(/ {2,}/).slice(0, 2)).toEqual([tensor, String(checked)]);
  }
  const error = record.worst.relativeError.toExponential(1);
  expect(text.at(-1)).toBe(`passed: largest relative error ${error}, tolerance 0.000001`);
  const strict = here.write('s.json', JSON.stringify({ model, steps: 3, batchSize: 2, tolerance: 1e-300 }));
  await expect(runHere(gradcheckCommand, '--config', strict)).rejects.toThrow('gradcheck gave 1');
});
