/** What a bundler puts into the code that a page loads at its start. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { ROOT } from '../cli/support.js';

interface Output {
  readonly entryPoint?: string;
  readonly imports: readonly { readonly path: string; readonly kind: string }[];
  readonly inputs: Readonly<Record<string, { readonly bytesInOutput: number }>>;
}

/** The source files with code in the scripts that a page with this code loads at its start. */
function sourcesOf(code: string): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'unspool-bundle-'));
  try {
    const [entry, meta] = [join(folder, 'entry.js'), join(folder, 'meta.json')];
    writeFileSync(entry, code.replaceAll("'unspool'", `'${join(ROOT, 'src/index.ts')}'`));
    const flags = ['--bundle', '--format=esm', '--splitting', '--log-level=error', `--metafile=${meta}`];
    execFileSync(join(ROOT, 'node_modules/.bin/esbuild'), [entry, ...flags, `--outdir=${folder}/out`], { cwd: ROOT });
    const { outputs } = JSON.parse(readFileSync(meta, 'utf8')) as { outputs: Record<string, Output> };
    const seen = new Set<string>();
    const visit = (path: string): void => {
      if (seen.has(path)) return;
      seen.add(path);
      for (const { path: to, kind } of outputs[path]!.imports) if (kind === 'import-statement') visit(to);
    };
    visit(Object.keys(outputs).find((path) => outputs[path]!.entryPoint?.endsWith('entry.js'))!);
    const inputs = [...seen].flatMap((path) => Object.entries(outputs[path]!.inputs));
    return inputs.filter(([, { bytesInOutput }]) => bytesInOutput > 0).map(([path]) => path);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Training, optimizers, and more of the GPU than its entry in the list of backends. */
const NOT_FOR_PREDICTING =
  /src\/(train|optim|estimators|lab|gpu|kernels\/gpu\/(instructions|record|shaders|device\/(?!modes)))/;

test('a page that makes or loads a model and predicts loads no code for training and for the GPU', () => {
  const made = sourcesOf("import { createModel } from 'unspool'; globalThis.use = [createModel];");
  expect(made).toContain('src/core/model.ts');
  expect(made.filter((path) => NOT_FOR_PREDICTING.test(path))).toEqual([]);
  const loaded = sourcesOf("import { deserializeModel } from 'unspool'; globalThis.use = [deserializeModel];");
  expect(loaded).toContain('src/interop/model-file.ts');
  // A file may be a checkpoint: its progress is checked.
  expect(loaded.filter((path) => NOT_FOR_PREDICTING.test(path))).toEqual(['src/train/progress.ts']);
});

test('a page that trains loads only the optimizers that it names', () => {
  const sources = sourcesOf(
    "import { adam, createModel, fit } from 'unspool'; globalThis.use = [adam, createModel, fit];",
  );
  expect(sources).toContain('src/optim/adam.ts');
  for (const other of ['optim/lamb', 'optim/schedules', 'train/evaluate', 'core/spec-check', 'core/layers/dropout']) {
    expect(sources).not.toContain(`src/${other}.ts`);
  }
});
