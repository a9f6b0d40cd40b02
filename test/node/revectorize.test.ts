/** V8's experimental flag: where `revectorize` sets it, V8 must be able to compile every function with it. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import { expect, test } from '@jest/globals';
import { wasm as infer } from '../../src/infer/generated/simd.js';
import { deflated as relaxed } from '../../src/kernels/wasm/generated/relaxed.js';
import { deflated as relaxedVariants } from '../../src/kernels/wasm/generated/relaxed-variants.js';
import { deflated as revec } from '../../src/kernels/wasm/generated/revec.js';
import { deflated as revecVariants } from '../../src/kernels/wasm/generated/revec-variants.js';
import { deflated as simd } from '../../src/kernels/wasm/generated/simd.js';
import { deflated as simdVariants } from '../../src/kernels/wasm/generated/simd-variants.js';

const ROOT = join(__dirname, '../..');

test('every module can be compiled after revectorize(), which sets the flag in Node 24 only', () => {
  const folder = mkdtempSync(join(tmpdir(), 'unspool-revec-'));
  try {
    const file = join(folder, 'modules.json');
    const deflated = { relaxed, relaxedVariants, revec, revecVariants, simd, simdVariants };
    const inflated = Object.entries(deflated).map(([name, text]) => [
      name,
      inflateSync(Buffer.from(text, 'base64')).toString('base64'),
    ]);
    const modules = { infer, ...Object.fromEntries(inflated) } as Record<string, string>;
    writeFileSync(file, JSON.stringify(modules));
    const program = `
      import { readFileSync } from 'node:fs';
      import { revectorize } from ${JSON.stringify(join(ROOT, 'dist/node/index.js'))};
      const timer = setInterval(() => {}, 1000);
      const isUsed = await revectorize();
      clearInterval(timer);
      const names = [];
      for (const [name, text] of Object.entries(JSON.parse(readFileSync(${JSON.stringify(file)}, 'utf8')))) {
        const bytes = Buffer.from(text, 'base64');
        if (!WebAssembly.validate(bytes)) continue; // relaxed SIMD, in an older engine
        new WebAssembly.Module(bytes);
        names.push(name);
      }
      console.log(JSON.stringify({ isUsed, names }));`;
    // All functions are compiled by the optimizing compiler, and immediately. Nothing else keeps the process alive while it compiles.
    const flags = ['--no-liftoff', '--no-wasm-lazy-compilation', '--input-type=module'];
    const printed = execFileSync(process.execPath, [...flags, '-e', program], { encoding: 'utf8' });
    const { isUsed, names } = JSON.parse(printed) as { isUsed: boolean; names: string[] };
    const canRun = (text: string): boolean => WebAssembly.validate(Buffer.from(text, 'base64'));
    expect(names).toEqual(Object.keys(modules).filter((name) => canRun(modules[name]!)));
    expect(names).toContain('simdVariants');
    if (!process.version.startsWith('v24.')) expect(isUsed).toBe(false);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
