/** The example of a server, run as its reader runs it: each client has its own state. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createModel } from '../../src/create.js';
import { type InferModel, loadModel } from '../../src/infer/index.js';
import { serializeModel } from '../../src/interop/model-file.js';

const MAIN = join(__dirname, '../../examples/server/main.mjs');
const folder = mkdtempSync(join(tmpdir(), 'unspool-server-'));
let server: ChildProcess;
let url: string;
let model: InferModel;

beforeAll(async () => {
  const layers = [
    { kind: 'embedding', size: 7, width: 3 },
    { kind: 'lstm', hiddenSize: 5 },
    { kind: 'linear', size: 7 },
  ] as const;
  const made = await createModel({ layers }, { backend: 'reference' });
  const file = join(folder, 'model.safetensors');
  writeFileSync(file, await serializeModel(made));
  made.dispose();
  model = loadModel(readFileSync(file));
  server = spawn(process.execPath, [MAIN, file, '--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
  url = await new Promise<string>((done, fail) => {
    server.on('error', fail).on('exit', (code) => fail(new Error(`exit code ${code}`)));
    server.stdout!.on('data', (text: Buffer) => done(text.toString().trim()));
  });
});

afterAll(() => {
  server?.removeAllListeners('exit').kill();
  rmSync(folder, { recursive: true });
});

async function post(
  body: unknown,
): Promise<{ readonly status: number; readonly output: number[]; readonly error: string }> {
  const response = await fetch(url, { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) });
  return { status: response.status, ...((await response.json()) as { output: number[]; error: string }) };
}

test('thirty clients that send together get what each would get alone, step after step', async () => {
  const clients = Array.from({ length: 30 }, (_, n) => ({ n, state: model.initialState() }));
  for (let t = 0; t < 3; t++) {
    await Promise.all(
      clients.map(async ({ n, state }) => {
        const token = (n + 3 * t) % 7;
        const { status, output } = await post({ client: n, inputs: [token] });
        expect(status).toBe(200);
        const expected = model.step(state, [token]);
        expect(Math.max(...output.map((value, i) => Math.abs(value - expected[i]!)))).toBeLessThan(1e-5);
      }),
    );
  }
});

test('an invalid request is answered with the reason, and leaves the state as it was', async () => {
  const state = model.initialState();
  model.step(state, [1]);
  await post({ client: 'x', inputs: [1] });
  expect(await post({ client: 'x', inputs: [99] })).toMatchObject({
    status: 400,
    error: expect.stringContaining('99'),
  });
  for (const body of ['{', 'null', '{}', `"${'x'.repeat(70_000)}"`]) expect((await post(body)).status).toBe(400);
  const expected = [...model.step(state, [2])];
  const { output } = await post({ client: 'x', inputs: [2] });
  expect(Math.max(...output.map((value, i) => Math.abs(value - expected[i]!)))).toBeLessThan(1e-5);
});

test('a client that was forgotten starts from the initial state', async () => {
  const first = await post({ client: 'y', inputs: [4] });
  expect((await post({ client: 'y', inputs: [4] })).output).not.toEqual(first.output);
  expect((await fetch(`${url}/y`, { method: 'DELETE' })).status).toBe(204);
  expect((await post({ client: 'y', inputs: [4] })).output).toEqual(first.output);
});
