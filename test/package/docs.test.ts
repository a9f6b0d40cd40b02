/** What the README and the other documents show can be copied and run. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { folder, ROOT, serve, start, wordsOf } from '../cli/support.js';

const DOCUMENTS = [
  'README.md',
  'docs/data.md',
  'docs/initialization.md',
  'docs/forward.md',
  'docs/losses.md',
  'docs/bptt.md',
  'docs/optimizers.md',
  'docs/training.md',
  'docs/evaluation.md',
  'docs/deployment.md',
  'docs/worker.md',
  'docs/many-machines.md',
  'docs/tape.md',
  'docs/lab.md',
  'docs/gpu.md',
  'docs/blas.md',
  'docs/models.md',
  'docs/onnx.md',
  'docs/web-app.md',
  'docs/server.md',
  'docs/pytorch.md',
  'docs/keras.md',
  'docs/forecasting.md',
  'docs/classification.md',
  'docs/tuning.md',
];

interface Block {
  readonly document: string;
  readonly language: string;
  readonly code: string;
  /** Of its first line of code, in the document. */
  readonly line: number;
}

const BLOCKS: readonly Block[] = DOCUMENTS.flatMap((document) => {
  const text = readFileSync(join(ROOT, document), 'utf8');
  return [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(({ 1: language, 2: code, index }) => ({
    document,
    language: language!,
    code: code!,
    line: text.slice(0, index).split('\n').length + 1,
  }));
});

const ofLanguage = (language: string) => BLOCKS.filter((block) => block.language === language);
const nameOf = ({ document, line }: Block): string => `${basename(document, '.md')}-${line}`;

function run(command: string, args: readonly string[], cwd: string): Promise<{ code: number | null; output: string }> {
  const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  return new Promise((done, fail) => child.on('error', fail).on('close', (code) => done({ code, output })));
}

describe('TypeScript', () => {
  const programs = ofLanguage('ts');
  let at = '';

  // Inside the package's folder, so that `unspool` is this package: what dist/ holds, with its types.
  beforeAll(() => {
    mkdirSync(join(ROOT, 'runs'), { recursive: true });
    at = mkdtempSync(join(ROOT, 'runs/docs-'));
    for (const block of programs) writeFileSync(join(at, `${nameOf(block)}.ts`), block.code);
    const compilerOptions = { strict: true, noUncheckedIndexedAccess: true, target: 'ES2022', module: 'NodeNext' };
    const config = { compilerOptions: { ...compilerOptions, types: ['node'], skipLibCheck: false } };
    writeFileSync(join(at, 'tsconfig.json'), JSON.stringify(config));
  });

  afterAll(() => rmSync(at, { recursive: true, force: true }));

  test('there is some in each document', () => {
    expect(new Set(programs.map(({ document }) => document))).toEqual(new Set(DOCUMENTS));
  });

  test('it type-checks', async () => {
    const { code, output } = await run(join(ROOT, 'node_modules/.bin/tsc'), ['-p', '.'], at);
    expect(output).toBe('');
    expect(code).toBe(0);
  });

  test.each(programs.map((block) => [nameOf(block), block.code] as const))('%s runs', async (name, source) => {
    const file = join(at, `${name}.js`);
    // A program on threads of its file has not ended when its module is evaluated.
    const isOnThreads = source.includes('isMainThread');
    const { code, stdout, stderr } = await (isOnThreads
      ? start(ROOT, [file], process.execPath, []).ended
      : serve(ROOT, [], file));
    const output = stdout + stderr;
    expect({ code, errors: code === 0 ? '' : output }).toEqual({ code: 0, errors: '' });
    if (source.includes('console.log')) expect(output).not.toBe('');
    expect(output).not.toMatch(/\bNaN\b|undefined/);
    const promised = [...source.matchAll(/^console\.log\(.*; \/\/ (true|\[[\d, ]+\]).*$/gm)].map(([, value]) => value!);
    const squeezed = output.replace(/\s+/g, '');
    for (const value of promised) expect(squeezed).toContain(value.replace(/\s+/g, ''));
  });
});

describe('commands', () => {
  const here = folder();
  const lines = ofLanguage('sh').flatMap(({ code }) => code.trim().split('\n'));
  const commands = lines.filter((line) => line.startsWith('npx unspool '));

  beforeAll(async () => {
    symlinkSync(join(ROOT, 'data'), join(here.path, 'data'));
    symlinkSync(join(ROOT, 'test/interop/pytorch/language.pt'), join(here.path, 'rnn.pt'));
    symlinkSync(join(ROOT, 'test/interop/keras/fixtures/tokens.keras'), join(here.path, 'model.keras'));
    symlinkSync(join(ROOT, 'test/interop/keras/fixtures/tfjs-tokens'), join(here.path, 'tfjs'));
    // Stands in for what `npm start` makes: the same place, the same vocabulary, no time.
    const sizes = [
      '--hidden-size',
      '4',
      '--embedding-size',
      '4',
      '--batch-size',
      '4',
      '--steps',
      '8',
      '--max-updates',
      '1',
    ];
    const out = ['--validation-split', '0', '--out', 'runs/moby-dick.safetensors', '--quiet'];
    await here.ok('train', 'data/moby-dick.txt', ...sizes, ...out);
  });

  test('the commands that install, train, test and open a page are the ones that CI runs', () => {
    expect(lines.filter((line) => !line.startsWith('npx unspool '))).toEqual([
      'npm ci && npm start',
      'npm ci && npm test',
      'npm run studio',
    ]);
    expect(commands.length).toBeGreaterThan(8);
  });

  test.each([...new Set(commands)])('%s', async (line) => {
    const { code, stdout, stderr } = await here.run(...wordsOf(line.replace(/ +#.*/, '')).slice(2));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).not.toBe('');
  });
});
